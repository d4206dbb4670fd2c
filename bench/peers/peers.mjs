// Who takes part, in which precisions, and how each is started.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const node = process.execPath;

// Where things are: GALEN_BUILD and GALEN_PEERS come from bench/peers/run.
export const build = process.env.GALEN_BUILD, folder = process.env.GALEN_PEERS;
const ortPackage = path.join(folder, 'node_modules/onnxruntime-node');

// glibc gives memory of large tensors back to the system after every run, which would cost PyTorch up to half its speed.
const keepMemory = { MALLOC_MMAP_MAX_: '0', MALLOC_TRIM_THRESHOLD_: String(2 ** 40) };

/*
 * whole: runs the network and is held to its result; otherwise it is a bound, and no peer to be best of.
 * `cell` has file (the f32 model), quantised (its QDQ form), batch, threads, precision, input.
 */
export const peers = [
    {
        name: 'galen',
        title: 'Galen',
        whole: true,
        precisions: ['f32', 'bf16', 'f16', 'int8'],
        start: (c) => ({ command: path.join(build, 'bench/peers/galen-peer'), args: [fileOf(c), c.batch, c.threads, c.precision, c.input] }),
    },
    {
        name: 'ort',
        title: 'ONNX Runtime',
        whole: true,
        precisions: ['f32', 'int8'], // its CPU kernels have no bf16 on x86
        start: (c) => ({ command: node, args: [path.join(here, 'ort_peer.mjs'), fileOf(c), c.batch, c.threads, c.precision, c.input] }),
    },
    {
        name: 'torch',
        title: 'PyTorch',
        whole: true,
        precisions: ['f32', 'bf16'],
        start: (c) => ({
            command: process.env.GALEN_TORCH_PYTHON || '/usr/bin/python3',
            args: [path.join(here, 'torch_peer.py'), c.file, c.batch, c.threads, c.precision, c.input],
            env: { OMP_NUM_THREADS: String(c.threads), ...keepMemory },
        }),
    },
    {
        name: 'onednn',
        title: 'oneDNN, convolutions only',
        whole: false,
        precisions: ['f32', 'bf16', 'int8'],
        start: (c) => ({
            command: path.join(build, 'bench/peers/onednn-peer'),
            args: [c.file, c.batch, c.threads, c.precision],
            env: { OMP_NUM_THREADS: String(c.threads) },
        }),
    },
];

const fileOf = (cell) => (cell.precision === 'int8' ? cell.quantised : cell.file);

export function ortVersion() {
    const file = path.join(ortPackage, 'package.json');
    return existsSync(file) ? JSON.parse(readFileSync(file)).version : null;
}

// Who takes part, in which precisions, and how each is started.
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const node = process.execPath;

// Where things are: GALEN_BUILD and GALEN_PEERS come from bench/peers/run.
export const build = process.env.GALEN_BUILD, folder = process.env.GALEN_PEERS;

// A program of the Debian that debian.sh unpacked, or else of this system.
export function withDebian(program, args) {
    const loader = process.env.GALEN_PEERS_WITH;
    if (loader) return { command: loader, args: [program, ...args] };
    return { command: program === 'python3' ? '/usr/bin/python3' : program, args }; // not one of a user's own, without PyTorch
}

// Galen's level where the caller sets one; the peers choose for themselves.
const level = process.env.GALEN_CPU ? [process.env.GALEN_CPU] : [];

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
        start: (c) => ({ command: path.join(build, 'bench/peers/galen-peer'), args: [fileOf(c), c.batch, c.threads, c.precision, c.input, ...level] }),
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
        precisions: ['f32', 'bf16', 'int8'],
        start: (c) => ({
            ...withDebian('python3', [path.join(here, 'torch_peer.py'), c.file, c.batch, c.threads, c.precision, c.input]),
            env: { OMP_NUM_THREADS: String(c.threads), ...keepMemory },
        }),
    },
    {
        name: 'onednn',
        title: 'oneDNN, convolutions only',
        whole: false,
        precisions: ['f32', 'bf16', 'int8'],
        start: (c) => ({
            ...withDebian(path.join(build, 'bench/peers/onednn-peer'), [c.file, c.batch, c.threads, c.precision]),
            env: { OMP_NUM_THREADS: String(c.threads) },
        }),
    },
];

// A block of Galen's training and PyTorch's process; `cell` has network, side, batch, threads, precision, steps (train.mjs).
export const trainer = (c) => ({ command: path.join(build, 'bench/train'), args: [c.network, c.side, c.batch, c.threads, c.steps, c.precision] });
export const torchTraining = (c) => ({
    ...withDebian('python3', [path.join(here, 'torch_train.py'), c.network, c.side, c.batch, c.threads, c.precision]),
    env: { OMP_NUM_THREADS: String(c.threads), ...keepMemory },
});

const fileOf = (cell) => (cell.precision === 'int8' ? cell.quantised : cell.file);

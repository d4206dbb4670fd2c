// Files that the peers read: models, their quantised forms, pictures.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, folder, withDebian } from './peers.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const galen = path.join(build, 'galen');

function run(command, args) {
    const { status, stdout, stderr, error } = spawnSync(command, args.map(String), { encoding: 'utf8', maxBuffer: 1 << 26 });
    if (status !== 0) throw new Error(`${path.basename(command)} ${args[0]}: ${error?.message || stderr.trim().split('\n').pop()}`);
    return stdout;
}

// The model's file, made on first use: build/peers/models/NAME.onnx.
export function modelFile(model) {
    if (model.file) return model.file;
    const file = path.join(folder, 'models', model.name + '.onnx'), raw = file + '.raw', made = file + '.new';
    if (existsSync(file)) return file;
    mkdirSync(path.dirname(file), { recursive: true });
    run(galen, ['convert', '--keep', '--classes', 6, '--size', model.size, `zoo:${model.zoo}`, raw]);
    const settle = withDebian('python3', [path.join(here, 'models.py'), raw, made]);
    run(settle.command, settle.args);
    rmSync(raw);
    renameSync(made, file);
    return file;
}

export function describe(file) {
    const { sha256, inputs } = JSON.parse(run(galen, ['info', '--json', file]));
    if (inputs.length !== 1) throw new Error(`${file}: has ${inputs.length} inputs, one picture is compared`);
    return { sha256, pixels: inputs[0].shape.slice(1).reduce((a, b) => a * b, 1) };
}

// Random pictures in [-1, 1), the same for every peer: raw f32, n of them.
export function inputFile(name, pixels, n) {
    const file = path.join(folder, 'input', `${name}-${n}.f32`), bytes = 4 * pixels * n;
    if (existsSync(file) && statSync(file).size === bytes) return file;
    mkdirSync(path.dirname(file), { recursive: true });
    const data = new Float32Array(pixels * n);
    let state = 1;
    for (let i = 0; i < data.length; i++) {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0; // Numerical Recipes' generator: noise will do
        data[i] = state / 2 ** 31 - 1;
    }
    writeFileSync(file, new Uint8Array(data.buffer));
    return file;
}

// The model with quantised weights and activations (QDQ), as bench/quantize makes it: NAME.int8.onnx.
export function quantisedFile(model, file) {
    const quantiser = path.join(build, 'bench/quantize'), made = path.join(folder, 'models', model.name + '.int8.onnx');
    const newer = existsSync(made) && Math.max(statSync(file).mtimeMs, statSync(quantiser).mtimeMs) < statSync(made).mtimeMs;
    if (newer) return made;
    run(quantiser, [file, made + '.new']);
    renameSync(made + '.new', made);
    return made;
}

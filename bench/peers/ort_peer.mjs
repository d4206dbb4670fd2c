// ONNX Runtime as a measured process: node ort_peer.mjs MODEL BATCH THREADS PRECISION INPUT. Answers as galen_peer.c does.
// All graph optimisations, THREADS intra-op threads, one inter-op thread; the input tensor is made once. The precision is the file's own.
import { openSync, readFileSync, readSync, writeFileSync } from 'node:fs';
import readline from 'node:readline';
import process from 'node:process';
import { createRequire } from 'node:module';

const [model, batchText, threadsText, , input] = process.argv.slice(2);
const batch = Number(batchText);
const modules = process.env.GALEN_PEERS + '/node_modules/';
const ort = createRequire(modules)('onnxruntime-node');
const session = await ort.InferenceSession.create(model, {
    intraOpNumThreads: Number(threadsText),
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    executionProviders: ['cpu'],
    logSeverityLevel: 3, // errors
});

const { name, shape } = session.inputMetadata[0];
const dims = shape.map((d, i) => (i === 0 ? batch : d));
const pixels = new Float32Array(dims.reduce((a, b) => a * b, 1));
if (readSync(openSync(input), pixels) !== pixels.byteLength) throw new Error('the input file is too short for this batch');
const feeds = { [name]: new ort.Tensor('float32', pixels, dims) };
const say = (answer) => process.stdout.write(JSON.stringify(answer) + '\n');

async function block(seconds) {
    const ms = [], begin = performance.now();
    while (ms.length === 0 || performance.now() - begin < seconds * 1000) {
        const start = performance.now();
        await session.run(feeds);
        ms.push(performance.now() - start);
    }
    return { ms };
}

say({ version: JSON.parse(readFileSync(modules + 'onnxruntime-node/package.json')).version });
for await (const line of readline.createInterface({ input: process.stdin })) {
    const at = line.indexOf(' '), verb = line.slice(0, at), rest = line.slice(at + 1);
    if (verb === 'run') {
        say(await block(Number(rest)));
    } else if (verb === 'write') {
        const { data } = (await session.run(feeds))[session.outputNames[0]];
        writeFileSync(rest, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
        say({});
    } else {
        throw new Error(`unknown request '${line}'`);
    }
}

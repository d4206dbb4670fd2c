// ONNX Runtime as a measured process: node ort_peer.mjs MODEL BATCH THREADS. The same questions and answers as galen_peer.c.
// All graph optimisations, `THREADS` intra-op threads, one inter-op thread; the input tensor is made once.
import readline from 'node:readline';
import process from 'node:process';
import { createRequire } from 'node:module';

const [model, batchText, threadsText] = process.argv.slice(2);
const batch = Number(batchText);
const ort = createRequire(process.env.GALEN_PEERS + '/node_modules/')('onnxruntime-node');
const session = await ort.InferenceSession.create(model, {
    intraOpNumThreads: Number(threadsText),
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    executionProviders: ['cpu'],
});

const feeds = {};
for (const input of session.inputMetadata) {
    const dims = input.shape.map((d, i) => (typeof d === 'number' && d > 0 ? d : i === 0 ? batch : 1));
    dims[0] = batch;
    const data = Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => Math.random());
    feeds[input.name] = new ort.Tensor('float32', data, dims);
}

for await (const line of readline.createInterface({ input: process.stdin })) {
    const [verb, seconds] = line.split(' ');
    if (verb !== 'run') continue;
    const ms = [];
    const begin = performance.now();
    while (ms.length === 0 || performance.now() - begin < Number(seconds) * 1000) {
        const start = performance.now();
        await session.run(feeds);
        ms.push(performance.now() - start);
    }
    process.stdout.write(JSON.stringify({ ms }) + '\n');
}

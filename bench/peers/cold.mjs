// Process start to first answer, and peak memory by then: node cold.mjs [options], see bench/peers/run --cold.
// ONNX Runtime lives in a node process here: what an empty one takes is measured beside it, to be subtracted by whoever wants to.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { cold, full, models, precisions, quick } from './cells.mjs';
import { parse } from './options.mjs';
import { folder, peers } from './peers.mjs';
import { describe, inputFile, modelFile, quantisedFile } from './prepare.mjs';
import { Peer } from './process.mjs';
import { interval, leastBlocks, median } from './stats.mjs';

const nodeAlone = { name: 'node', start: () => ({ command: process.execPath, args: ['-e', "console.log('{}');process.stdin.resume()"] }) };

const peakBytes = (pid) => Number(/VmHWM:\s*(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) * 1024;

async function once(peer, cell) {
    const begin = performance.now(), process_ = new Peer(peer.start(cell));
    try {
        await process_.ready();
        if (peer.whole) await process_.write(path.join(folder, 'output.f32'));
        return { ms: performance.now() - begin, bytes: peakBytes(process_.child.pid) };
    } finally {
        await process_.stop();
    }
}

async function measureCell(cell, options) {
    const taking = [...peers.filter((p) => ['galen', 'ort'].includes(p.name) && p.precisions.includes(cell.precision)), nodeAlone];
    const taken = taking.map(() => []);
    for (let i = 0; i <= options.blocks; i++) {
        for (const [k, peer] of taking.entries()) {
            const one = await once(peer, cell);
            if (i > 0) taken[k].push(one); // the first finds files not yet read
        }
    }
    return taking.map((peer, k) => {
        const ms = taken[k].map((t) => t.ms);
        return { model: cell.name, precision: cell.precision, batch: cell.batch, threads: cell.threads, peer: peer.name, ms: median(ms),
                 interval: interval(ms), peak_bytes: median(taken[k].map((t) => t.bytes)) };
    });
}

const o = parse(process.argv.slice(2), { models, precisions, full, quick, cold, peers: peers.map((p) => p.name), leastBlocks });
const rows = [];
console.log('model                precision batch threads peer    ms to first answer (95 %)       peak MB');
for (const model of o.models) {
    const file = modelFile(model), { pixels } = describe(file), batches = o.batches ?? [1, Math.max(...model.batches)];
    const input = inputFile(model.name, pixels, Math.max(...batches));
    for (const precision of o.precisions) {
        const quantised = precision === 'int8' ? quantisedFile(model, file) : null;
        for (const threads of o.threads) {
            for (const batch of batches) {
                for (const r of await measureCell({ name: model.name, file, quantised, input, batch, threads, precision }, o)) {
                    rows.push(r);
                    console.log(`${r.model.padEnd(20)} ${r.precision.padEnd(9)} ${String(r.batch).padStart(5)} ${String(r.threads).padStart(7)} ${r.peer.padEnd(6)} ` +
                                `${r.ms.toFixed(1).padStart(7)} (${r.interval.map((v) => v.toFixed(1)).join(' to ')})`.padEnd(33) + `${(r.peak_bytes / 1e6).toFixed(0).padStart(7)}`);
                }
            }
        }
    }
}
mkdirSync(o.out, { recursive: true });
writeFileSync(path.join(o.out, 'cold-start.json'), JSON.stringify({ machine: os.cpus()[0].model, cores: os.cpus().length,
    date: new Date().toISOString().slice(0, 10), repeats: o.blocks, load: os.loadavg()[0], rows }, null, 1) + '\n');

// Galen and its peers on the same model files, block by block in turn: node compare.mjs [options], see bench/peers/run.
import { mkdirSync, readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { cold, full, models, precisions, quick } from './cells.mjs';
import { folder, peers } from './peers.mjs';
import { describe, inputFile, modelFile, quantisedFile } from './prepare.mjs';
import { Peer } from './process.mjs';
import { printRow, printTitle, save } from './report.mjs';
import { difference, interval, leastBlocks, median } from './stats.mjs';
import { parse } from './options.mjs';

// How far an output may lie from Galen's f32: norm of the difference over norm of the output.
const bounds = { f32: 1e-3, bf16: 0.1, f16: 0.02, int8: 0.8 };

const readFloats = (file) => {
    const bytes = readFileSync(file);
    return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
};

async function outputsOf(process_) {
    const file = path.join(folder, 'output.f32');
    await process_.write(file);
    return readFloats(file);
}

// What Galen says in f32: everyone's reference.
async function reference(cell) {
    const process_ = new Peer(peers[0].start({ ...cell, precision: 'f32' }));
    try {
        await process_.ready();
        return await outputsOf(process_);
    } finally {
        await process_.stop();
    }
}

// Starts a peer for a cell and holds its outputs against the reference; never throws: what went wrong is in `error`.
async function enter(peer, cell, expected) {
    const entry = { peer, ms: [], runs: 0 };
    try {
        entry.process = new Peer(peer.start(cell));
        entry.about = await entry.process.ready();
        if (peer.whole) {
            entry.difference = difference(await outputsOf(entry.process), expected);
            entry.agrees = entry.difference <= bounds[cell.precision];
        }
        await entry.process.block(0); // once more to warm up
    } catch (e) {
        entry.error = e.message;
    }
    return entry;
}

// Every peer is as often first as last, and follows each other one about as often as it is followed by it.
function order(n, block) {
    const turn = Array.from({ length: n }, (_, i) => (i + (block >> 1)) % n);
    return block % 2 ? turn.reverse() : turn;
}

async function measure(entries, blocks, seconds) {
    for (let block = 0; block < blocks; block++) {
        for (const i of order(entries.length, block)) {
            const entry = entries[i];
            if (entry.error) continue;
            try {
                const ms = await entry.process.block(seconds);
                entry.ms.push(median(ms));
                entry.runs += ms.length;
            } catch (e) {
                entry.error = e.message;
            }
        }
    }
}

// Pairs of blocks measured side by side: how many times as long the peer takes.
function ratio(galen, other) {
    const ratios = other.ms.map((ms, i) => ms / galen.ms[i]);
    return { ratio: median(ratios), interval: interval(ratios) };
}

function summarise(cell, entries, batch) {
    const row = { model: cell.name, precision: cell.precision, batch, threads: cell.threads, load: os.loadavg()[0], peers: {} };
    const galen = entries.find((e) => e.peer.name === 'galen' && !e.error);
    const rivals = entries.filter((e) => e.peer.name !== 'galen' && !e.error);
    for (const e of entries) {
        const { name } = e.peer;
        if (e.error) {
            row.peers[name] = { error: e.error };
            continue;
        }
        row.peers[name] = { images_per_second: (batch / median(e.ms)) * 1e3, ms: e.ms, runs: e.runs, about: e.about };
        if (e.peer.whole) Object.assign(row.peers[name], { difference: e.difference, agrees: e.agrees });
        if (galen && e !== galen) Object.assign(row.peers[name], ratio(galen, e));
    }
    const best = rivals.filter((e) => e.peer.whole && e.agrees).sort((a, b) => median(a.ms) - median(b.ms))[0];
    if (best) row.best = best.peer.name;
    return row;
}

async function compareCell(cell, options) {
    const expected = await reference(cell);
    const taking = peers.filter((p) => p.precisions.includes(cell.precision) && options.peers.includes(p.name));
    const entries = [];
    for (const peer of taking) entries.push(await enter(peer, cell, expected));
    await measure(entries, options.blocks, options.seconds);
    for (const e of entries) if (e.process) await e.process.stop();
    return summarise(cell, entries, cell.batch);
}

// Every cell of one model and precision; `result` grows and is saved row by row.
async function comparePrecision(model, precision, result, options) {
    const file = modelFile(model), batches = options.batches ?? model.batches;
    const input = inputFile(model.name, describe(file).pixels, Math.max(...batches));
    const quantised = precision === 'int8' ? quantisedFile(model, file) : null;
    for (const threads of options.threads) {
        for (const batch of batches) {
            const row = await compareCell({ name: model.name, file, quantised, input, batch, threads, precision }, options);
            result.rows.push(row);
            printRow(row);
            if (row.peers.galen?.error || row.peers.galen?.agrees === false) process.exitCode = 1;
            save(result, options);
        }
    }
}

async function compareModel(model, options) {
    const result = { model: model.name, sha256: describe(modelFile(model)).sha256, rows: [] };
    for (const precision of options.precisions) {
        try {
            await comparePrecision(model, precision, result, options);
        } catch (e) {
            console.log(`${model.name} ${precision}: left out: ${e.message}`);
            process.exitCode = 1;
        }
    }
}

const options = parse(process.argv.slice(2), { models, precisions, full, quick, cold, peers: peers.map((p) => p.name), leastBlocks });
mkdirSync(options.out, { recursive: true });
printTitle(options);
for (const model of options.models) await compareModel(model, options);

// Training: Galen and PyTorch on the same networks, block by block in turn: bench/peers/run --train.
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { torchTraining, trainer } from './peers.mjs';
import { Peer } from './process.mjs';
import { interval, leastBlocks, median } from './stats.mjs';

// `steps` of Galen make a block, after two to warm up; `seconds` of PyTorch's, which stays warm.
const cells = [
    { name: 'resnet18_28', network: 'resnet18', side: 28, batch: 128, steps: 7, seconds: 0.7 },
    { name: 'resnet18_64', network: 'resnet18', side: 64, batch: 64, steps: 7, seconds: 1.2 },
    { name: 'densenet121_224', network: 'densenet121', side: 224, batch: 16, steps: 1, seconds: 1 },
];
const usage = `Use: bench/peers/run --train [--model LIST] [--precision f32,bf16] [--threads N] [--blocks N] [--out FOLDER]
Models: ${cells.map((c) => c.name).join(' ')}. bf16 keeps f32 weights: Galen's --precision bf16, PyTorch's autocast.\n`;

function read() {
    const text = { type: 'string' };
    try {
        const { values } = parseArgs({ options: { train: { type: 'boolean' }, model: text, precision: text, threads: text, blocks: text, out: text } });
        const o = { model: cells.map((c) => c.name).join(), precision: 'f32,bf16', threads: '2', blocks: '7', ...values };
        const chosen = o.model.split(',').map((name) => cells.find((c) => c.name === name));
        const precisions = o.precision.split(','), blocks = Number(o.blocks), threads = Number(o.threads);
        const right = chosen.every(Boolean) && precisions.every((p) => p === 'f32' || p === 'bf16') && blocks >= leastBlocks && threads >= 1;
        if (!right) throw new Error(`an unknown model or precision, or fewer than ${leastBlocks} blocks`);
        return { cells: chosen, precisions, blocks, threads, out: path.resolve(o.out ?? process.env.GALEN_RESULTS) };
    } catch (e) {
        console.error(`bench/peers/run: ${e.message}\n${usage}`);
        process.exit(2);
    }
}

// Milliseconds of Galen's median step, in a process of its own.
function galenBlock(cell) {
    const { command, args } = trainer(cell), { stdout, stderr, status } = spawnSync(command, args.map(String), { encoding: 'utf8' });
    const rate = /: ([\d.]+) images\/s/.exec(stdout ?? '');
    if (status !== 0 || !rate) throw new Error(`Galen's training: ${(stderr ?? '').trim() || 'no figure'}`);
    return (cell.batch / Number(rate[1])) * 1e3;
}

async function measure(cell, blocks) {
    const galen = [], torch = [], peer = new Peer(torchTraining(cell)), load = os.loadavg()[0];
    try {
        const about = await peer.ready();
        for (let block = 0; block < blocks; block++) {
            const first = block % 2 === 0;
            if (first) galen.push(galenBlock(cell));
            torch.push(median(await peer.block(cell.seconds)));
            if (!first) galen.push(galenBlock(cell));
        }
        return { galen, torch, about, load };
    } finally {
        await peer.stop();
    }
}

function rowOf(cell, { galen, torch, about, load }) {
    const rate = (ms) => (cell.batch / median(ms)) * 1e3, ratios = galen.map((ms, i) => torch[i] / ms);
    return { model: cell.name, precision: cell.precision, batch: cell.batch, threads: cell.threads, load, galen: { images_per_second: rate(galen), ms: galen },
             torch: { images_per_second: rate(torch), ms: torch, about }, ratio: median(ratios), interval: interval(ratios) };
}

function print(row) {
    const ratio = `${row.ratio.toFixed(2)} (${row.interval.map((v) => v.toFixed(2)).join(' to ')})`, galen = row.galen.images_per_second.toFixed(1);
    console.log(`${row.model.padEnd(16)} ${row.precision.padEnd(5)} batch ${row.batch}: Galen ${galen}, PyTorch ${row.torch.images_per_second.toFixed(1)} images/s (${row.torch.about.mode}); ratio ${ratio}; load ${row.load.toFixed(1)}`);
}

const options = read(), rows = [];
mkdirSync(options.out, { recursive: true });
console.log(`${os.cpus()[0].model}, ${os.cpus().length} cores; ${options.blocks} blocks in turn; ratios of times with 95 % interval, above 1 Galen is faster`);
for (const base of options.cells) {
    for (const precision of options.precisions) {
        const cell = { ...base, precision, threads: options.threads };
        try {
            const row = rowOf(cell, await measure(cell, options.blocks));
            rows.push(row);
            print(row);
        } catch (e) {
            console.log(`${cell.name} ${precision}: left out: ${e.message}`);
            process.exitCode = 1;
        }
    }
}
const short = (key, v) => (typeof v === 'number' && !Number.isInteger(v) ? Number(v.toPrecision(5)) : v);
const head = { machine: os.cpus()[0].model, cores: os.cpus().length, date: new Date().toISOString().slice(0, 10), blocks: options.blocks, ms: 'median milliseconds of a step, a block' };
const lines = rows.map((r) => '  ' + JSON.stringify(r, short)).join(',\n');
writeFileSync(path.join(options.out, 'train.json'), JSON.stringify(head, null, 1).replace(/\n}$/, ',\n "rows": [\n') + lines + '\n ]\n}\n');

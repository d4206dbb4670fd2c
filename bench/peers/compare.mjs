// Two processes on one model, block by block in turn: node compare.mjs GALEN_PEER MODEL BATCHES THREADS BLOCKS SECONDS RESULT.json
// A block's figure is the median of its runs. Printed: both medians over blocks, and the median of the blocks' ratios with its 95 %
// interval (order statistics of the pairs, exact binomial), so that drift of the machine falls on both alike.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { fileURLToPath } from 'node:url';

const [galen, model, batchesText, threadsText, blocksText, secondsText, result] = process.argv.slice(2);
// With five pairs even the widest interval covers its median less than 95 % of the time.
if (!(Number(blocksText) >= 6)) {
    console.error(`compare: ${blocksText} blocks give no 95 % interval; ask for at least 6`);
    process.exit(2);
}
const here = path.dirname(fileURLToPath(import.meta.url));
const median = (v) => {
    const s = [...v].sort((a, b) => a - b), n = s.length;
    return n % 2 ? s[(n - 1) / 2] : (s[n / 2 - 1] + s[n / 2]) / 2;
};

// Distribution-free interval of a median: the widest pair of order statistics cut off at most 2.5 % on each side.
function interval(values) {
    const s = [...values].sort((a, b) => a - b), n = s.length;
    let cut = 0, p = 0.5 ** n, below = p;
    while (below <= 0.025 && cut < n / 2) {
        cut++;
        p = (p * (n - cut + 1)) / cut;
        below += p;
    }
    return [s[cut - 1], s[n - cut]];
}

function start(command, args) {
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    const lines = readline.createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    return {
        async block(seconds) {
            child.stdin.write(`run ${seconds}\n`);
            const line = await lines.next();
            if (line.done) throw new Error(`${command} ended`);
            await new Promise((resolve) => setTimeout(resolve, 50)); // let spinning threads go to sleep
            return JSON.parse(line.value).ms;
        },
        stop: () => child.stdin.end(),
    };
}

async function compare(batch, threads, blocks, seconds) {
    const peers = [start(galen, [model, batch, threads]), start(process.execPath, [path.join(here, 'ort_peer.mjs'), model, batch, threads])];
    const medians = [[], []];
    for (const p of peers) await p.block(seconds);
    for (let i = 0; i < blocks; i++) {
        for (const which of i % 2 ? [1, 0] : [0, 1]) medians[which].push(median(await peers[which].block(seconds)));
    }
    for (const p of peers) p.stop();
    const ratios = medians[0].map((ms, i) => medians[1][i] / ms);
    return { batch, threads, galen_ms: medians[0], ort_ms: medians[1], galen: (batch / median(medians[0])) * 1e3, ort: (batch / median(medians[1])) * 1e3,
             ratio: median(ratios), interval: interval(ratios) };
}

const rows = [];
console.log(`${path.basename(model)} on ${os.cpus()[0].model}, ${os.cpus().length} cores; blocks of ${secondsText} s in turn, ${blocksText} of each`);
console.log('batch threads   Galen images/s   ONNX Runtime images/s   ratio (95 % interval)');
for (const threads of threadsText.split(',').map(Number)) {
    for (const batch of batchesText.split(',').map(Number)) {
        const r = await compare(batch, threads, Number(blocksText), Number(secondsText));
        rows.push(r);
        console.log(`${String(batch).padStart(5)} ${String(threads).padStart(7)} ${r.galen.toFixed(1).padStart(16)} ${r.ort.toFixed(1).padStart(23)}   ` +
                    `${r.ratio.toFixed(2)} (${r.interval[0].toFixed(2)} to ${r.interval[1].toFixed(2)})`);
    }
}
const version = JSON.parse(readFileSync(path.join(process.env.GALEN_PEERS, 'node_modules/onnxruntime-node/package.json'))).version;
writeFileSync(result, JSON.stringify({ model: path.basename(model), sha256: createHash('sha256').update(readFileSync(model)).digest('hex'),
    machine: os.cpus()[0].model, cores: os.cpus().length, date: new Date().toISOString().slice(0, 10), onnxruntime: version, block_seconds: Number(secondsText),
    unit: 'median milliseconds of a run, a block', rows }, null, 1) + '\n');

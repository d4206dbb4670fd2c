// What is printed while a comparison runs and what is kept of it: a JSON file a model, a table of all.
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { peers } from './peers.mjs';

const machine = `${os.cpus()[0].model}, ${os.cpus().length} cores`;
const rate = (v) => (v >= 100 ? v.toFixed(0) : v.toFixed(1));
const times = (r) => `${r.ratio.toFixed(2)} (${r.interval[0].toFixed(2)} to ${r.interval[1].toFixed(2)})`;

function rateCell(entry) {
    if (!entry) return '–';
    if (entry.error) return 'failed';
    return rate(entry.images_per_second) + (entry.agrees === false ? ' differs' : '');
}

function ratioCell(entry, label = '') {
    return entry && entry.ratio !== undefined ? `${label}${times(entry)}` : '–';
}

const columns = ['model', 'precision', 'batch', 'threads', ...peers.map((p) => p.title), 'Galen to best', 'Galen to oneDNN\'s convolutions'];

function cellsOf(row) {
    const best = row.best ? row.peers[row.best] : null;
    return [row.model, row.precision, row.batch, row.threads, ...peers.map((p) => rateCell(row.peers[p.name])),
            ratioCell(best, best ? `${row.best} ` : ''), ratioCell(row.peers.onednn)].map(String);
}

const widths = [20, 9, 5, 7, 9, 12, 9, 25, 26, 26];
const line = (cells) => cells.map((c, i) => (i === 0 ? c.padEnd(widths[i]) : c.padStart(widths[i]))).join(' ');

export function printTitle(options) {
    console.log(`${machine}; ${options.blocks} blocks of ${options.seconds} s of each peer, in turn; images/s; ratios of times with 95 % interval`);
    if (os.loadavg()[0] > 0.5) console.log(`Other programs keep ${os.loadavg()[0].toFixed(1)} cores busy: the figures will be wrong, the ratios too.`);
    console.log(line(columns));
}

export function printRow(row) {
    console.log(line(cellsOf(row)));
    for (const [name, entry] of Object.entries(row.peers)) {
        if (entry.error) console.log(`    ${name}: ${entry.error}`);
        if (entry.agrees === false) console.log(`    ${name}: its output differs from Galen's f32 by ${entry.difference.toPrecision(2)} of its norm`);
    }
}

// JSON with one line a row: readable differences between commits.
function text(result) {
    const short = (key, v) => (typeof v === 'number' && !Number.isInteger(v) ? Number(v.toPrecision(5)) : v);
    const { rows, ...head } = result;
    return JSON.stringify(head, short, 1).replace(/\n}$/, ',\n "rows": [\n') + rows.map((r) => '  ' + JSON.stringify(r, short)).join(',\n') + '\n ]\n}\n';
}

export function save(result, options) {
    const whole = { ...result, machine: os.cpus()[0].model, cores: os.cpus().length, date: new Date().toISOString().slice(0, 10),
                    blocks: options.blocks, block_seconds: options.seconds, ms: 'median milliseconds of a run, a block' };
    writeFileSync(path.join(options.out, `peers-${result.model}.json`), text({ ...whole, rows: result.rows }));
    writeTable(options.out);
}

// peers.md: the rows of every peers-*.json of the folder.
function writeTable(folder) {
    const files = readdirSync(folder).filter((f) => /^peers-.*\.json$/.test(f)).sort();
    const results = files.map((f) => JSON.parse(readFileSync(path.join(folder, f))));
    const out = [`${machine}. Images a second, medians of blocks in turn (bench/peers/README.md); ratios of times, with 95 % interval; above 1 Galen is faster.`, '',
                 `| ${columns.join(' | ')} |`, `|${' --- |'.repeat(columns.length)}`];
    for (const { rows } of results) for (const row of rows) out.push(`| ${cellsOf(row).join(' | ')} |`);
    writeFileSync(path.join(folder, 'peers.md'), out.join('\n') + '\n');
}

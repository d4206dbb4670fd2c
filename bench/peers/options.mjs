// The command line of compare.mjs.
import path from 'node:path';

export const usage = `Use: bench/peers/run [options]

Without options the whole table is measured, an estimated 40 minutes, and written to bench/results. A run of anything less
goes to build/peers/results. Lists are separated by commas.

  --quick             three models, batch 1 and 8, two threads: an estimated 5 minutes
  --model LIST        zoo models (see cells.mjs) or ONNX files with one picture as input
  --precision LIST    f32 bf16 f16 int8
  --batch LIST
  --threads LIST
  --peers LIST        galen ort torch onednn
  --blocks N          blocks of each peer, at least 6
  --seconds S         length of a block; one run at least
  --out FOLDER        where results go
  --cold              start-up time and peak memory of Galen and ONNX Runtime instead, at the smallest and largest batch
  --train             training instead: Galen and PyTorch (options: see train.mjs)

Exit: 0 done, 1 Galen failed somewhere, 2 wrong use.
`;

const list = (text) => text.split(',').filter(Boolean);

function fail(message) {
    console.error(`bench/peers/run: ${message}`);
    process.exit(2);
}

function numbers(text, name) {
    const v = list(text).map(Number);
    if (v.length === 0 || v.some((n) => !Number.isInteger(n) || n < 1)) fail(`--${name} wants whole numbers, not '${text}'`);
    return v;
}

function subset(text, known, name) {
    const v = list(text), odd = v.find((word) => !known.includes(word));
    if (v.length === 0 || odd !== undefined) fail(`--${name} wants some of ${known.join(' ')}, not '${text}'`);
    return v;
}

function findModel(word, models) {
    if (word.endsWith('.onnx')) return { name: path.basename(word, '.onnx'), file: path.resolve(word), batches: [1, 8, 32] };
    return models.find((m) => m.name === word) ?? fail(`--model '${word}' is none of ${models.map((m) => m.name).join(' ')}, nor a file *.onnx`);
}

// Pairs of --name and value.
function read(args) {
    const given = {};
    for (let i = 0; i < args.length; i++) {
        const name = args[i].replace(/^--/, '');
        if (name === 'help' || args[i] === '-h') {
            process.stdout.write(usage);
            process.exit(0);
        }
        if (name === 'quick' || name === 'cold') given[name] = true;
        else if (['model', 'precision', 'batch', 'threads', 'peers', 'blocks', 'seconds', 'out'].includes(name) && i + 1 < args.length)
            given[name] = args[++i];
        else fail(`'${args[i]}' is no option or lacks its value; see --help`);
    }
    return given;
}

// `known`: models, precisions, peers' names, the defaults full, quick and cold, leastBlocks.
export function parse(args, known) {
    const given = read(args), base = given.cold ? known.cold : given.quick ? known.quick : known.full;
    const o = {
        cold: Boolean(given.cold),
        models: (given.model ? list(given.model) : (base.models ?? known.models.map((m) => m.name))).map((m) => findModel(m, known.models)),
        precisions: given.precision ? subset(given.precision, known.precisions, 'precision') : base.precisions,
        batches: given.batch ? numbers(given.batch, 'batch') : base.batches,
        threads: given.threads ? numbers(given.threads, 'threads') : base.threads,
        peers: given.peers ? subset(given.peers, known.peers, 'peers') : known.peers,
        blocks: given.blocks ? numbers(given.blocks, 'blocks')[0] : base.blocks,
        seconds: given.seconds ? Number(given.seconds) : base.seconds,
    };
    if (o.blocks < known.leastBlocks) fail(`${o.blocks} blocks give no 95 % interval; ask for at least ${known.leastBlocks}`);
    if (!(o.seconds > 0)) fail(`--seconds wants a number above zero, not '${given.seconds}'`);
    o.out = path.resolve(given.out ?? (args.every((a) => a === '--cold') ? process.env.GALEN_RESULTS : path.join(process.env.GALEN_PEERS, 'results')));
    return o;
}

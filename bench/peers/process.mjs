// A measured process (galen_peer.c tells the protocol): asked one thing at a time, killed when it takes too long.
import { spawn } from 'node:child_process';
import readline from 'node:readline';

const patience = 180e3; // milliseconds for one answer

export class Peer {
    constructor({ command, args, env }) {
        this.child = spawn(command, args.map(String), { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env } });
        this.lines = readline.createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
        this.complaint = '';
        this.child.stderr.on('data', (text) => (this.complaint = (this.complaint + text).slice(-2000)));
        this.child.stdin.on('error', () => {}); // it ended: the missing answer tells
        this.child.on('error', (e) => (this.complaint = e.message));
        this.ended = new Promise((resolve) => this.child.on('close', (code, signal) => resolve(signal ?? `exit ${code}`)));
    }

    // What it says of itself once it is ready: version, mode.
    ready() {
        return this.#answer();
    }

    async block(seconds) {
        const { ms } = await this.#ask(`run ${seconds}`);
        await new Promise((resolve) => setTimeout(resolve, 50)); // let spinning threads go to sleep
        return ms;
    }

    write(file) {
        return this.#ask(`write ${file}`);
    }

    stop() {
        this.child.stdin.end();
        this.child.kill();
        return this.ended;
    }

    #ask(request) {
        this.child.stdin.write(request + '\n');
        return this.#answer();
    }

    async #answer() {
        let timer;
        const late = new Promise((_, reject) => {
            timer = setTimeout(() => reject(new Error(`no answer in ${patience / 1e3} s`)), patience);
        });
        try {
            const line = await Promise.race([this.lines.next(), late]);
            if (!line.done) return JSON.parse(line.value);
            const how = await this.ended;
            throw new Error(this.complaint.trim().split('\n').pop() || `ended without a word (${how})`);
        } finally {
            clearTimeout(timer);
        }
    }
}

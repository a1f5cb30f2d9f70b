// Hand-made runs: lines as the wire format has them (docs/wire-format.md), written where logq looks for runs.

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, mkdtempSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const LOGQ = process.env.LOGQ_BINARY ?? new URL('../../target/debug/logq', import.meta.url).pathname;
const BEGUN = Date.UTC(2026, 10, 22, 17, 15, 3) * 1e6;

/** One process that writes. Times are nanoseconds since the run began. */
export class Spool {
  constructor({ proc = '4242-aaaaaa', number = 1, run = '20261122-171503-brow', folder = mkdtempSync(join(tmpdir(), 'logq-browser-')) } = {}) {
    this.folder = folder;
    this.run = run;
    this.proc = proc;
    const spool = join(this.store, 'runs', run, 'spool');
    mkdirSync(spool, { recursive: true });
    writeFileSync(join(spool, `${number}.claim`), `${proc}\n`);
    this.file = openSync(join(spool, `${proc}.1.jsonl`), 'w');
    this.lines = [];
    this.numbers = new Map();
    this.clock = 0;
    this.number = number;
  }

  get store() {
    return join(this.folder, '.logq');
  }

  /** The next record of a lane. */
  line(lane, keys, step = 10_000) {
    this.clock += step;
    const seq = (this.numbers.get(lane) ?? 0) + 1;
    this.numbers.set(lane, seq);
    this.lines.push(JSON.stringify({ ts: stamp(this.clock), mono: this.clock, proc: this.proc, pid: 4242, lane, seq, ...keys }));
    if (this.lines.length > 5000) this.write();
    return `${lane}@${seq}`;
  }

  begin(keys = {}) {
    return this.line('t1', { ev: 'proc', n: this.number, part: 1, how: 'root', thread: 'MainThread', tid: 4242, argv: ['shop.py'], python: '3.12.1', host: 'here', ...keys });
  }

  lane(lane, name, from, kind = 'thread') {
    return this.line(lane, { ev: 'lane', kind, name, fn: 'work', tid: 5000, from, site: ['/shop/shop.py', 41, 'main'] });
  }

  log(lane, level, msg, keys = {}) {
    return this.line(lane, { level, logger: 'shop', msg, thread: lane, tid: 5000, file: '/shop/shop.py', line: 12, func: 'work', ...keys });
  }

  /** Puts on disk what has been said so far. */
  write() {
    if (this.lines.length) writeSync(this.file, `${this.lines.join('\n')}\n`);
    this.lines = [];
    return this;
  }

  /** The page of the run: its address. */
  report(...more) {
    this.write();
    closeSync(this.file);
    const page = join(this.folder, 'run.html');
    execFileSync(LOGQ, ['report', '--dir', this.store, '-o', page, ...more], { stdio: ['ignore', 'ignore', 'pipe'] });
    return `file://${page}`;
  }

  /** A server of the store: its address with the token, without it, and what ends it. */
  async serve() {
    this.write();
    const server = spawn(LOGQ, ['serve', '--dir', this.store], { stdio: ['ignore', 'pipe', 'inherit'] });
    process.once('exit', () => server.kill('SIGKILL'));
    const [line] = await once(createInterface(server.stdout), 'line');
    const { origin } = new URL(line);
    return { url: line, origin, close: () => { server.kill('SIGKILL'); } };
  }
}

function stamp(clock) {
  const all = BigInt(BEGUN) + BigInt(clock);
  const second = new Date(Number(all / 1000000000n) * 1000).toISOString().slice(0, 19);
  return `${second}.${String(all % 1000000000n).padStart(9, '0')}Z`;
}

/** Two threads that took two locks in opposite order, and the main thread that waits for one of them. */
export function deadlock() {
  const spool = new Spool();
  spool.begin();
  for (const [lane, name] of [['t2', 'A'], ['t3', 'B']]) spool.lane(lane, name, 't1@1');
  const site = (line) => ['/shop/bank.py', line, 'transfer'];
  spool.line('t2', { ev: 'obj', obj: 'lock:1', kind: 'threading.Lock', name: 'vault_1', site: ['/shop/bank.py', 8, '<module>'] });
  spool.line('t3', { ev: 'obj', obj: 'lock:2', kind: 'threading.Lock', name: 'vault_2', site: ['/shop/bank.py', 9, '<module>'] });
  spool.log('t2', 'INFO', 'taking 50 out');
  const wait = (lane, obj, owner, held) => spool.line(lane, {
    ev: 'wait', on: 'lock', obj, owner, held_at: site(14), held_since: 40_000, since: spool.clock,
    held: [{ obj: held, site: site(14), since: 40_000 }], stack: [{ file: '/shop/bank.py', line: 17, func: 'transfer' }],
  });
  wait('t2', 'lock:2', 't3', 'lock:1');
  wait('t3', 'lock:1', 't2', 'lock:2');
  spool.line('t1', { ev: 'wait', on: 'join', owner: 't2', site: site(30), since: spool.clock });
  return spool;
}

/** A run with what a browser might act on in every field; `said` is that text. */
export function hostile() {
  const said = '</script><script>globalThis.bad=1</script><img src=x onerror="globalThis.bad=1">\u202e{{script}}\u001b[31m\u2028\'"`$&';
  const spool = new Spool();
  spool.begin({ argv: [said, said], name: said, thread: said, host: said, python: said });
  spool.lane('t2', said, 't1@1');
  spool.line('t2', { ev: 'obj', obj: 'lock:1', kind: said, name: said, site: [said, 8, said] });
  spool.log('t2', said, said, { logger: said, file: said, func: said, thread: said, extra: { [said]: said }, stack: said, exc: { type: said, msg: said, stack: [{ file: said, line: 1, func: said, code: said }], cause: { type: said, msg: said, stack: [] } } });
  spool.line('t2', { ev: 'wait', on: said, obj: said, owner: said, site: [said, 1, said], stack: [{ file: said, line: 1, func: said }] });
  spool.line('t2', { ev: said, obj: said, [said]: said });
  spool.line('t2', { ev: 'exc', where: 'thread', hook: 'default', type: said, msg: said, stack: [{ file: said, line: 1, func: said, code: said }] });
  return { spool, said };
}

/** Many records in many lanes with hand-overs between them: `records` in all. */
export function busy(records, lanes = 40) {
  const spool = new Spool();
  spool.begin();
  for (let lane = 2; lane < lanes + 2; lane += 1) spool.lane(`t${lane}`, `worker-${lane}`, 't1@1');
  const levels = ['DEBUG', 'INFO', 'INFO', 'INFO', 'INFO', 'INFO', 'WARNING'];
  for (let n = 0; n < records; n += 1) {
    const lane = 2 + ((n * 7919) % lanes);
    const from = 2 + ((n * 104729) % lanes);
    const hb = n % 5 === 0 && from !== lane ? { hb: [`t${from}@${spool.numbers.get(`t${from}`)}|queue:1`] } : {};
    spool.log(`t${lane}`, n % 9973 === 0 ? 'ERROR' : levels[n % levels.length], `order ${n} packed by worker-${lane}`, { ...hb, extra: { order_id: n } });
  }
  return spool;
}

/** So many lines that are dashed: of which only the order is known, and of locks. */
export function ordered(lines) {
  const spool = new Spool();
  spool.begin();
  for (const lane of ['t2', 't3', 't4']) spool.lane(lane, lane, 't1@1');
  let last = null;
  for (let n = 0; n < lines; n += 1) {
    const before = n % 2 ? { hb: [last] } : { hbl: [last] };
    last = spool.log(`t${2 + (n % 3)}`, 'INFO', `step ${n}`, last ? before : {});
  }
  return spool;
}

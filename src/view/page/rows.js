// Which lanes are shown, one below the other: processes with their lanes, those of a finding first where not all fit.

import { upperBound } from './data.js';

const HEADER = 26;
const TALLEST = 60;
const LOWEST = 22;
/** From this height on there is room for words above a lane's line. */
export const ROOM_FOR_WORDS = 34;

export class Rows {
  constructor(run) {
    this.run = run;
    this.words = [];
    this.raised = [];
    this.scroll = 0;
    this.visible = 1;
    this.kinds = [];
    this.refs = [];
    this.tops = new Float64Array(1);
    this.rowOf = new Int32Array(run.laneCount).fill(-1);
    this.lane = LOWEST;
  }

  /** Lanes that stand first where not all lanes fit: those of a finding, or of a chain. */
  raise(lanes) {
    this.raised = lanes;
    this.lay();
  }

  filter(text) {
    this.words = text.toLowerCase().split(/\s+/).filter(Boolean);
    this.lay();
  }

  resize(height) {
    this.visible = height;
    this.lay();
  }

  /** Whether the filter lets the lane through: each of its words in the lane's name, id, function or process. */
  #passes(lane) {
    if (!this.words.length) return true;
    const { lanes } = this.run;
    const process = this.run.processOf(lane);
    const said = `${lanes.name[lane]} ${lanes.id[lane]} ${lanes.runs[lane] ?? ''} ${process?.name ?? ''} ${lanes.state[lane]}`.toLowerCase();
    return this.words.every((word) => said.includes(word));
  }

  lay() {
    const chosen = [];
    for (let lane = 0; lane < this.run.laneCount; lane += 1) if (this.#passes(lane)) chosen.push(lane);
    const processes = new Set(chosen.map((lane) => this.run.lanes.process[lane])).size;
    const room = (this.visible - processes * HEADER) / Math.max(1, chosen.length);
    this.lane = Math.floor(Math.min(TALLEST, Math.max(LOWEST, room)));
    const fits = chosen.length * this.lane + processes * HEADER <= this.visible;
    const first = fits ? [] : this.raised.filter((lane) => this.#passes(lane));
    if (!fits && first.length) this.lane = Math.max(this.lane, Math.min(ROOM_FOR_WORDS + 2, Math.floor(this.visible / 2 / first.length)));
    this.kinds = [];
    this.refs = [];
    if (first.length) this.#add('raised', -1);
    for (const lane of first) this.#add('lane', lane);
    const early = new Set(first);
    let last = -1;
    for (const lane of chosen) {
      if (early.has(lane)) continue;
      const process = this.run.lanes.process[lane];
      if (process !== last) this.#add('process', process);
      last = process;
      this.#add('lane', lane);
    }
    this.#measure();
    this.move(0);
  }

  #add(kind, ref) {
    this.kinds.push(kind);
    this.refs.push(ref);
  }

  #measure() {
    this.tops = new Float64Array(this.kinds.length + 1);
    this.rowOf.fill(-1);
    this.kinds.forEach((kind, row) => {
      this.tops[row + 1] = this.tops[row] + (kind === 'lane' ? this.lane : HEADER);
      if (kind === 'lane') this.rowOf[this.refs[row]] = row;
    });
  }

  get height() {
    return this.tops[this.kinds.length];
  }

  move(pixels) {
    this.scroll = Math.max(0, Math.min(this.scroll + pixels, this.height - this.visible));
  }

  /** Rows on the screen: the first, and the one behind the last. */
  inView() {
    const first = Math.max(0, upperBound(this.tops, this.scroll, 0, this.tops.length) - 1);
    const last = upperBound(this.tops, this.scroll + this.visible, 0, this.tops.length);
    return [first, Math.min(last, this.kinds.length)];
  }

  top(row) {
    return this.tops[row] - this.scroll;
  }

  /** Where the line of a lane is; `null` for a lane that the filter hides. */
  line(lane) {
    const row = this.rowOf[lane];
    return row < 0 ? null : this.top(row) + this.lineIn();
  }

  /** Where a lane's line is within its row. */
  lineIn() {
    return this.lane >= ROOM_FOR_WORDS ? this.lane * 0.66 : this.lane / 2;
  }

  /** The row at a height on the screen. */
  rowAt(y) {
    const row = upperBound(this.tops, y + this.scroll, 0, this.tops.length) - 1;
    return row >= 0 && row < this.kinds.length ? row : null;
  }

  laneAt(y) {
    const row = this.rowAt(y);
    return row !== null && this.kinds[row] === 'lane' ? this.refs[row] : null;
  }

  /** Scrolls until the lane can be seen. */
  reveal(lane) {
    const row = this.rowOf[lane];
    if (row < 0) return;
    const top = this.top(row);
    if (top < 0) this.move(top - HEADER);
    else if (top + this.lane > this.visible) this.move(top + this.lane - this.visible);
  }
}

// Which marks stand in which column of pixels: exact at every zoom, and cheap for millions.
//
// Going from column to column by binary search costs what there are columns, not records; how severe the worst record of a
// column is comes from a pyramid of maxima.

import { lowerBound } from './data.js';

const WIDE = 64;

/** For every 64 marks, 4096 marks, … the greatest weight among them. */
export class Pyramid {
  constructor(run) {
    this.base = run.weight;
    if (run.byTime) this.base = Uint8Array.from(run.byTime, (mark) => run.weight[mark]);
    this.levels = [];
    for (let below = this.base; below.length > WIDE;) {
      const level = new Uint8Array(Math.ceil(below.length / WIDE));
      for (let at = 0; at < below.length; at += 1) {
        const block = Math.floor(at / WIDE);
        if (below[at] > level[block]) level[block] = below[at];
      }
      this.levels.push(level);
      below = level;
    }
  }

  /** The greatest weight of the marks from `begin` up to `end`. */
  max(begin, end) {
    let most = 0;
    let [from, to] = [begin, end];
    for (let depth = 0; from < to; depth += 1) {
      const level = depth ? this.levels[depth - 1] : this.base;
      const above = this.levels[depth];
      while (from < to && (from % WIDE || !above)) most = Math.max(most, level[from++]);
      while (from < to && to % WIDE) most = Math.max(most, level[--to]);
      from /= WIDE;
      to /= WIDE;
    }
    return most;
  }
}

/** Calls `each(x, begin, end)` for every column of `pixels` that has marks of the lane: places in the order of time. */
export function columnsOf(run, lane, view, pixels, each) {
  const [first, last] = [run.first[lane], run.first[lane + 1]];
  const times = run.sorted;
  const wide = (view.length / view.width) * pixels;
  let at = lowerBound(times, view.from - wide * 8, first, last);
  const beyond = view.to + wide * 8;
  while (at < last && times[at] <= beyond) {
    const column = Math.floor((times[at] - view.from) / wide);
    const until = view.from + (column + 1) * wide;
    const end = Math.max(at + 1, ahead(times, until, at + 1, last));
    each(view.left + (column + 0.5) * pixels, at, end);
    at = end;
  }
}

/** As lowerBound, quick where the place is near. */
function ahead(values, value, low, high) {
  let step = 1;
  let from = low;
  while (from + step < high && values[from + step] < value) {
    from += step;
    step *= 2;
  }
  return lowerBound(values, value, from, Math.min(high, from + step + 1));
}

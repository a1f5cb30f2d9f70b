// What led to a record: the chain of hand-overs back to the root of the run, as `logq why` tells it.
//
// Twin of causality/chain.rs: at each step the most recent hand-over that the lane had received; locks are passed over.

import { ARROW, upperBound } from './data.js';

const QUIET = new Set(['wait', 'got', 'obj']);

/** The hand-overs behind a mark, the last one first: which arrow, and the record of its sender that says what it was about. */
export function chain(run, mark) {
  const hops = [];
  const left = new Map();
  let at = mark;
  for (;;) {
    const arrow = latest(run, at);
    if (arrow < 0) return hops;
    const from = run.arrows.from[arrow];
    const lane = run.laneOf(from);
    hops.push({ arrow, to: run.arrows.to[arrow], from: saying(run, from) });
    // Only a damaged file leads round in a circle.
    if (left.has(lane) && from >= left.get(lane)) return hops;
    left.set(run.laneOf(at), run.arrows.to[arrow]);
    at = from;
  }
}

/** The last hand-over that reached the mark's lane up to the mark. */
function latest(run, mark) {
  const { to, kind, count } = run.arrows;
  const begin = run.first[run.laneOf(mark)];
  for (let n = upperBound(to, mark, 0, count) - 1; n >= 0 && to[n] >= begin; n -= 1) {
    if (kind[n] !== ARROW.lock) return n;
  }
  return -1;
}

/** The record that says what a lane was about: a wait just before the hand-over, and its end, do not. */
function saying(run, mark) {
  const begin = run.first[run.laneOf(mark)];
  for (let at = mark; at >= begin; at -= 1) if (!QUIET.has(run.kindName(at))) return at;
  return mark;
}

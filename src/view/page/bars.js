// Waits as bars, hatched where they never ended, with what is waited for on them.

import { WAIT, upperBound } from './data.js';
import { ROOM_FOR_WORDS } from './rows.js';
import { hatch, words } from './strokes.js';
import { duration } from './time.js';

/** Calls `each(wait, x, wide)` for the waits of a lane that are seen; of those that share a pixel for one. */
function waitsInView({ run, view }, lane, each) {
  const { waits } = run;
  let painted = -1;
  const [first, last] = [run.waitsOf[lane], run.waitsOf[lane + 1]];
  // A wait that began before the view may reach into it: those before are looked at too.
  const from = Math.max(first, upperBound(waits.begin, view.from, first, last) - 16);
  for (let wait = from; wait < last && waits.begin[wait] <= view.to; wait += 1) {
    const end = waits.begin[wait] + waits.took[wait];
    if (end < view.from) continue;
    const x = Math.max(view.x(waits.begin[wait]), view.left - 4);
    const wide = Math.min(view.x(end), view.left + view.width + 4) - x;
    if (x + wide < painted + 0.5) continue;
    painted = Math.max(x + wide, x + 1);
    each(wait, x, wide);
  }
}

export function paintWaits(pen, state, lane) {
  const { run, rows, colours } = state;
  const middle = rows.line(lane);
  const half = halfOfWait(rows);
  waitsInView(state, lane, (wait, x, wide) => {
    const kind = run.waits.kind[wait];
    const isStuck = kind & WAIT.open && state.stuck.has(lane);
    pen.fillStyle = isStuck ? colours.stuck : (kind & 7) === WAIT.idle ? colours.idle : colours.wait;
    pen.fillRect(x, middle - half, Math.max(wide, 1), half * 2);
    if (wide < 3) return;
    const edge = isStuck ? colours['stuck-line'] : colours['wait-line'];
    if (kind & WAIT.open) hatch(pen, x, middle - half, wide, half * 2, edge);
    pen.strokeStyle = edge;
    pen.lineWidth = isStuck ? 1.5 : 0.75;
    pen.strokeRect(x, middle - half, wide, half * 2);
  });
}

/** Lanes of the finding that is looked at which stand still without a record of their own that says so. */
export function paintStandstill(pen, state) {
  const { run, rows, view, colours, findings, active } = state;
  for (const wait of findings[active]?.waits ?? []) {
    const middle = rows.line(wait.lane);
    if (middle === null || hasOpenWait(run, wait.lane)) continue;
    const last = run.sorted[run.first[wait.lane + 1] - 1];
    const begin = Math.max(view.x(wait.since ?? Math.max(findings[active].from ?? 0, last)), view.left - 4);
    const wide = Math.min(view.x(run.endOf(wait.lane)), view.left + view.width + 4) - begin;
    if (wide < 3) continue;
    const half = halfOfWait(rows);
    pen.fillStyle = colours.stuck;
    pen.fillRect(begin, middle - half, wide, half * 2);
    hatch(pen, begin, middle - half, wide, half * 2, colours['stuck-line']);
    pen.strokeStyle = colours['stuck-line'];
    pen.lineWidth = 1.5;
    pen.strokeRect(begin, middle - half, wide, half * 2);
    if (wide >= 90 && rows.lane >= ROOM_FOR_WORDS) words(pen, state, `waits for ${wait.what}`, begin + 7, middle + 0.5, wide - 14, colours.text, 11, colours.stuck);
  }
}

function hasOpenWait(run, lane) {
  for (let wait = run.waitsOf[lane]; wait < run.waitsOf[lane + 1]; wait += 1) if (run.waits.kind[wait] & WAIT.open) return true;
  return false;
}

function halfOfWait(rows) {
  return rows.lane >= ROOM_FOR_WORDS ? Math.min(9, rows.lane / 5.5) : Math.min(6, rows.lane / 2 - 4);
}

/** What is waited for, on the bar itself. */
export function paintWaitWords(pen, state, lane) {
  const { run, rows, colours } = state;
  waitsInView(state, lane, (wait, x, wide) => {
    if (wide < 90) return;
    const isStuck = run.waits.kind[wait] & WAIT.open && state.stuck.has(lane);
    const ground = isStuck ? colours.stuck : colours.wait;
    const from = Math.max(x, state.view.left);
    words(pen, state, run.text(run.waits.mark[wait]), from + 7, rows.line(lane) + 0.5, x + wide - from - 14, isStuck ? colours.text : colours.dim, 11, ground);
  });
}

/** What a wait says where the pointer rests on it. */
export function waitWords(run, wait) {
  const { waits } = run;
  const isOpen = waits.kind[wait] & WAIT.open;
  const took = duration(waits.took[wait]);
  const owner = waits.owner[wait] ? run.nameOf(waits.owner[wait] - 1) : '';
  return { text: run.text(waits.mark[wait]), took: isOpen ? `for ${took} on record, never ended` : `for ${took}`, owner };
}

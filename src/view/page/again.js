// A later state of the run that is shown: where one looks, what is chosen, and which lanes stand on the screen stay as they were.

import { chain } from './causes.js';
import { lowerBound } from './data.js';

/** More hits than these are looked for anew instead of being carried over. */
const MOST_HITS = 4000;

/** Lanes that stand still in a finding. */
export function stuckIn(finding) {
  return new Set((finding?.waits ?? []).map((wait) => wait.lane));
}

/** Puts into `state`, that of the later run, what stays of `old`. */
export function carryOver(old, state) {
  const laneOf = (lane) => state.run.laneNamed(old.run.lanes.id[lane]);
  const markOf = (mark) => later(old.run, state.run, mark);
  keepLanes(old.rows, state.rows, laneOf);
  keepTime(old, state);
  state.active = sameFinding(old, state);
  state.stuck = stuckIn(state.findings[state.active]);
  if (old.selected !== null) state.selected = markOf(old.selected);
  if (state.selected !== null) {
    state.hops = chain(state.run, state.selected);
    state.chain = new Set(state.hops.flatMap((hop) => [hop.to, hop.from]));
  }
  if (old.hits.length > MOST_HITS) return;
  state.hits = old.hits.map(markOf).filter((mark) => mark !== null);
  state.hit = old.hit < 0 ? -1 : state.hits.indexOf(markOf(old.hits[old.hit]));
}

/** The mark of the same record; null where it is not drawn any more. */
function later(old, run, mark) {
  const lane = run.laneNamed(old.lanes.id[old.laneOf(mark)]);
  if (lane < 0) return null;
  const [first, end] = [run.first[lane], run.first[lane + 1]];
  const found = lowerBound(run.seq, old.seq[mark], first, end);
  return found < end && run.seq[found] === old.seq[mark] ? found : null;
}

/** The same lanes, at the same height: what comes below them moves nothing. */
function keepLanes(old, rows, laneOf) {
  rows.words = old.words;
  rows.visible = old.visible;
  rows.raise(old.raised.map(laneOf).filter((lane) => lane >= 0));
  const [first, last] = old.inView();
  for (let row = first; row < last; row += 1) {
    const there = old.kinds[row] === 'lane' ? rows.rowOf[laneOf(old.refs[row])] ?? -1 : -1;
    if (there < 0) continue;
    rows.scroll = rows.tops[there] - old.top(row);
    break;
  }
  rows.move(0);
}

/** The same stretch of time; who looks at the end, and has nothing chosen there, goes on with it. */
function keepTime({ view, run: old, selected }, { run }) {
  const [atBegin, atEnd] = [view.from <= 0, view.to >= old.span];
  view.span = run.span;
  if (!atEnd || selected !== null) return;
  const more = run.span - old.span;
  view.show(atBegin ? 0 : view.from + more, view.to + more);
}

/** Where the finding that is looked at is now: the same of its kind, else the worst. */
function sameFinding({ findings, active }, { findings: now }) {
  if (!now.length) return null;
  const alike = ({ kind, evidence }) => `${kind} ${evidence[0]}`;
  const known = findings[active];
  if (!known) return 0;
  const same = now.findIndex((finding) => alike(finding) === alike(known));
  return Math.max(0, same >= 0 ? same : now.findIndex(({ kind }) => kind === known.kind));
}

// Drawing: which lanes are seen, their names and lives, hand-overs, the chain of a record, findings, the axis. Reads the
// state, changes nothing. Marks are drawn in shapes.js, waits in bars.js.

import { ARROW, lowerBound, upperBound } from './data.js';
import { paintStandstill, paintWaitWords, paintWaits } from './bars.js';
import { ROOM_FOR_WORDS } from './rows.js';
import { paintMarks, paintShape } from './shapes.js';
import { FONT, bow, cross, cutTo } from './strokes.js';
import { clock, day, ticks } from './time.js';

export const AXIS = 26;

/** So many hand-overs are drawn; of more, the page says how many there are. */
const MOST_ARROWS = 2500;

/** Of more than these only those that are news to their lane are drawn. */
const CROWD = 60;

/** Of more than these none is dashed: dashes cost a hundred times what a line does, and cannot be told apart. */
const MOST_DASHED = 100;

/** How wide the names of lanes stand beside a stage of that width. */
export function gutter(width) {
  return Math.round(Math.min(230, Math.max(96, width * 0.2)));
}

/** Draws everything; returns what could not be drawn. */
export function paint(pen, state) {
  const { view, rows, stage } = state;
  pen.save();
  pen.setTransform(stage.ratio, 0, 0, stage.ratio, 0, 0);
  pen.fillStyle = state.colours.ground;
  pen.fillRect(0, 0, stage.width, stage.height);
  const inView = lanesInView(rows);
  paintGrid(pen, state);
  pen.save();
  pen.beginPath();
  pen.rect(0, AXIS, stage.width, stage.height - AXIS);
  pen.clip();
  pen.translate(0, AXIS);
  paintBands(pen, state);
  pen.save();
  pen.beginPath();
  pen.rect(view.left, 0, view.width, stage.height);
  pen.clip();
  paintFindings(pen, state);
  for (const lane of inView) paintLife(pen, state, lane);
  for (const lane of inView) paintWaits(pen, state, lane);
  paintStandstill(pen, state);
  const arrows = paintArrows(pen, state, inView);
  for (const lane of inView) if (rows.lane >= ROOM_FOR_WORDS) paintWaitWords(pen, state, lane);
  for (const lane of inView) paintMarks(pen, state, lane);
  paintCircle(pen, state);
  paintChain(pen, state);
  paintChosen(pen, state);
  pen.restore();
  paintNames(pen, state);
  pen.restore();
  paintAxis(pen, state);
  pen.restore();
  return { arrows };
}

function lanesInView(rows) {
  const [first, last] = rows.inView();
  const lanes = [];
  for (let row = first; row < last; row += 1) if (rows.kinds[row] === 'lane') lanes.push(rows.refs[row]);
  return lanes;
}

function paintGrid(pen, { view, stage, colours, run }) {
  pen.strokeStyle = colours.rule;
  pen.lineWidth = 1;
  pen.beginPath();
  for (const { time } of ticks(view, run.begin, 110).found) {
    const x = Math.round(view.x(time)) + 0.5;
    if (x < view.left) continue;
    pen.moveTo(x, AXIS);
    pen.lineTo(x, stage.height);
  }
  pen.stroke();
}

function paintAxis(pen, { view, stage, colours, run, findings, active }) {
  pen.fillStyle = colours.band;
  pen.fillRect(0, 0, stage.width, AXIS);
  pen.font = `11px ${FONT}`;
  pen.textBaseline = 'middle';
  pen.fillStyle = colours.dim;
  for (const { time, label } of ticks(view, run.begin, 110).found) {
    const x = view.x(time);
    if (x >= view.left + 2 && x < stage.width - 40) pen.fillText(label, x + 4, AXIS / 2);
  }
  pen.fillStyle = colours.band;
  pen.fillRect(0, 0, view.left, AXIS);
  pen.fillStyle = colours.dim;
  pen.fillText(`${day(run.begin, Math.max(0, view.from))} ${clock(run.begin, Math.max(0, view.from)).slice(0, 8)}`, 10, AXIS / 2);
  for (const { at, x } of flagsOf({ view, stage, findings })) {
    flag(pen, x, 1, String(at + 1), findings[at].counts ? colours['stuck-line'] : colours.warning, colours.ground, at === active);
  }
}

/** Where the flags of findings stand: at their times, or beside one another. */
export function flagsOf({ view, stage, findings }) {
  const seen = findings.map((finding, at) => ({ at, x: finding.from === null ? -1 : view.x(finding.from) }));
  const flags = seen.filter(({ x }) => x >= view.left && x <= stage.width).sort((a, b) => a.x - b.x || a.at - b.at);
  let free = 0;
  for (const flag of flags) {
    flag.x = Math.max(flag.x, free);
    free = flag.x + 18;
  }
  return flags;
}

function flag(pen, x, y, text, colour, ground, isActive) {
  pen.font = `bold 10px ${FONT}`;
  const wide = pen.measureText(text).width + 8;
  pen.fillStyle = colour;
  pen.globalAlpha = isActive ? 1 : 0.75;
  pen.fillRect(Math.round(x), y, wide, 13);
  pen.globalAlpha = 1;
  pen.fillStyle = ground;
  pen.fillText(text, Math.round(x) + 4, y + 7);
}

function paintBands(pen, { rows, stage, colours, run }) {
  const [first, last] = rows.inView();
  pen.textBaseline = 'middle';
  for (let row = first; row < last; row += 1) {
    const top = rows.top(row);
    const height = rows.top(row + 1) - top;
    if (rows.kinds[row] === 'lane') {
      pen.fillStyle = colours.rule;
      pen.fillRect(0, top + height - 1, stage.width, 1);
      continue;
    }
    pen.fillStyle = colours.band;
    pen.fillRect(0, top, stage.width, height);
    const isRaised = rows.kinds[row] === 'raised';
    const process = isRaised ? null : run.heading.processes[rows.refs[row]];
    pen.font = `600 12px ${FONT}`;
    pen.fillStyle = colours.text;
    const title = isRaised ? 'what this is about' : `process ${process.number ?? '?'}  ${process.name}`;
    pen.fillText(title, 10, top + height / 2);
    if (isRaised) continue;
    const x = 10 + pen.measureText(title).width + 14;
    pen.font = `11px ${FONT}`;
    pen.fillStyle = process.bad ? colours.error : colours.dim;
    const how = process.how && process.how !== 'root' ? `  by ${process.how}` : '';
    pen.fillText(`pid ${process.pid}${how}  ${process.state}`, x, top + height / 2);
  }
}

/** From a lane's first record to its end. */
function paintLife(pen, { run, rows, view, colours }, lane) {
  const y = rows.line(lane);
  const begin = view.x(run.sorted[run.first[lane]]);
  const end = view.x(Math.max(run.endOf(lane), run.sorted[run.first[lane + 1] - 1]));
  pen.strokeStyle = colours.line;
  pen.lineWidth = 1.5;
  pen.beginPath();
  pen.moveTo(Math.max(begin, view.left), y);
  pen.lineTo(Math.min(end, view.left + view.width), y);
  pen.stroke();
  if (end > view.left + view.width) return;
  if (run.lanes.end[lane] === null) {
    // Cut off with its process.
    const process = run.processOf(lane);
    if (process.bad && process.end !== null) cross(pen, end, y, colours.error);
    return;
  }
  pen.beginPath();
  pen.moveTo(end, y - 6);
  pen.lineTo(end, y + 6);
  pen.stroke();
}

/** The hand-overs that begin or end in view; how many there are if they are too many. */
function paintArrows(pen, state, lanes) {
  const { run, view, rows, colours } = state;
  const chosen = new Set();
  let count = 0;
  for (const lane of lanes) {
    const [begin, end] = [run.first[lane], run.first[lane + 1]];
    const from = lowerBound(run.sorted, view.from, begin, end);
    const to = upperBound(run.sorted, view.to, begin, end);
    const arriving = [lowerBound(run.arrows.to, from, 0, run.arrows.count), lowerBound(run.arrows.to, to, 0, run.arrows.count)];
    const leaving = [run.arrows.outBegin[from], run.arrows.outBegin[to]];
    count += arriving[1] - arriving[0] + leaving[1] - leaving[0];
    if (count > MOST_ARROWS * 4) continue;
    for (let n = arriving[0]; n < arriving[1]; n += 1) chosen.add(n);
    for (let n = leaving[0]; n < leaving[1]; n += 1) chosen.add(run.arrows.out[n]);
  }
  const wanted = [...chosen].filter((arrow) => state.withLocks || run.arrows.kind[arrow] !== ARROW.lock);
  const shown = wanted.length > CROWD ? wanted.filter((arrow) => run.arrows.isNews[arrow]) : wanted;
  if (count > MOST_ARROWS * 4 || shown.length > MOST_ARROWS) return Math.max(count, shown.length);
  // Many are a background to what they connect.
  const alpha = shown.length > 400 ? 0.2 : shown.length > CROWD ? 0.45 : 0.8;
  const dashed = shown.length <= MOST_DASHED;
  for (const arrow of shown) {
    const kind = run.arrows.kind[arrow];
    const look = {
      colour: kind === ARROW.start ? colours.started : kind === ARROW.direct ? colours.handed : colours.faint,
      width: kind === ARROW.direct ? 1.4 : 1,
      dash: !dashed ? [] : kind === ARROW.order ? [2, 3] : kind === ARROW.lock ? [5, 3] : [],
      alpha: state.chain.size ? alpha * 0.3 : alpha,
    };
    bow(pen, view.x(run.time[run.arrows.from[arrow]]), rows.line(run.laneOf(run.arrows.from[arrow])),
      view.x(run.time[run.arrows.to[arrow]]), rows.line(run.laneOf(run.arrows.to[arrow])), look);
  }
  return 0;
}

/** Where findings happened: a thin line down the picture, below its flag. */
function paintFindings(pen, { findings, active, view, stage, colours }) {
  findings.forEach((finding, at) => {
    if (finding.from === null) return;
    const x = view.x(finding.from);
    if (at === active) {
      const end = view.x(finding.to ?? finding.from);
      pen.fillStyle = colours.stuck;
      pen.globalAlpha = 0.35;
      if (end > x + 1) pen.fillRect(x, 0, end - x, stage.height);
      pen.globalAlpha = 1;
    }
    pen.fillStyle = finding.counts ? colours['stuck-line'] : colours.warning;
    pen.globalAlpha = at === active ? 0.8 : 0.3;
    pen.fillRect(Math.round(x), 0, 1, stage.height);
    pen.globalAlpha = 1;
  });
}

/** Who waits for whom in the finding that is looked at: thick arrows from each wait to whoever could end it. */
function paintCircle(pen, state) {
  const { view, rows, colours, findings, active } = state;
  const waits = findings[active]?.waits ?? [];
  const edges = waits.flatMap((wait) => wait.on.map((owner) => ({ ...wait, owner }))).slice(0, 40);
  const begun = edges.map((edge) => edge.since ?? 0);
  const base = Math.max(view.x(Math.max(...begun)), view.left) + 40;
  const right = view.left + view.width - 30;
  edges.forEach((edge, at) => {
    const [y1, y2] = [rows.line(edge.lane), rows.line(edge.owner)];
    if (y1 === null || y2 === null || edge.lane === edge.owner) return;
    const x = base > right ? right - at * 18 : base + ((right - base) * (at + 1)) / (edges.length + 1);
    const step = Math.sign(y2 - y1) * 9;
    pen.strokeStyle = colours['stuck-line'];
    pen.fillStyle = colours['stuck-line'];
    pen.lineWidth = 2.5;
    pen.beginPath();
    pen.moveTo(x, y1 + step);
    pen.lineTo(x, y2 - step * 1.6);
    pen.stroke();
    pen.beginPath();
    pen.moveTo(x, y2 - step * 0.8);
    pen.lineTo(x - 5, y2 - step * 1.9);
    pen.lineTo(x + 5, y2 - step * 1.9);
    pen.fill();
  });
}

/** The hand-overs that led to the chosen record. */
function paintChain(pen, state) {
  const { run, view, rows, colours } = state;
  for (const hop of state.hops) {
    const look = { colour: colours.chosen, width: 2.5, dash: [], alpha: 1 };
    const from = run.arrows.from[hop.arrow];
    bow(pen, view.x(run.time[from]), rows.line(run.laneOf(from)), view.x(run.time[hop.to]), rows.line(run.laneOf(hop.to)), look);
  }
  for (const mark of state.chain) ring(pen, state, mark, colours.chosen, 9, 2);
}

function ring(pen, { run, view, rows, colours }, mark, colour, radius, width) {
  const y = rows.line(run.laneOf(mark));
  const x = view.x(run.time[mark]);
  if (y === null || x < view.left - radius) return;
  pen.strokeStyle = colour;
  pen.lineWidth = width;
  pen.beginPath();
  pen.arc(x, y, radius, 0, 7);
  pen.stroke();
  paintShape(pen, x, y, run.weight[mark], run.kindName(mark), colours, 1);
}

function paintChosen(pen, state) {
  const { run, view, colours, hits } = state;
  const from = hits.length > 4000 ? hits.length : 0;
  for (let at = from; at < hits.length; at += 1) {
    const time = run.time[hits[at]];
    if (time >= view.from && time <= view.to) ring(pen, state, hits[at], colours.hit, 7, 2);
  }
  for (const mark of state.findings[state.active]?.marks ?? []) ring(pen, state, mark, colours['stuck-line'], 9, 2);
  if (state.selected !== null) ring(pen, state, state.selected, colours.accent, 11, 3);
}

/** The names of lanes, left of everything. */
function paintNames(pen, state) {
  const { run, rows, view, colours } = state;
  const [first, last] = rows.inView();
  for (let row = first; row < last; row += 1) {
    if (rows.kinds[row] !== 'lane') continue;
    const lane = rows.refs[row];
    const top = rows.top(row);
    pen.fillStyle = state.stuck.has(lane) ? colours.stuck : colours.ground;
    pen.fillRect(0, top, view.left, rows.lane - 1);
    pen.fillStyle = colours.line;
    pen.fillRect(view.left - 1, top, 1, rows.lane);
    if (state.selected !== null && run.laneOf(state.selected) === lane) {
      pen.fillStyle = colours.accent;
      pen.fillRect(0, top, 3, rows.lane - 1);
    }
    paintName(pen, state, lane, top);
  }
}

function paintName(pen, { run, rows, view, colours }, lane, top) {
  const { lanes } = run;
  const isTall = rows.lane >= ROOM_FOR_WORDS;
  const y = top + (isTall ? rows.lane * 0.33 : rows.lane / 2);
  const id = lanes.id[lane];
  pen.textBaseline = 'middle';
  pen.font = `11px ${FONT}`;
  const idWide = pen.measureText(id).width;
  pen.fillStyle = colours.dim;
  pen.fillText(id, view.left - idWide - 10, y);
  const bold = `500 12.5px ${FONT}`;
  const name = cutTo(pen, bold, lanes.name[lane], view.left - idWide - 34);
  pen.font = bold;
  pen.fillStyle = lanes.bad[lane] ? colours.error : colours.text;
  pen.fillText(name, 16, y);
  if (!isTall) return;
  const small = `11px ${FONT}`;
  const state = lanes.state[lane];
  const about = cutTo(pen, small, state === 'ended' || state.startsWith('ended with') ? lanes.runs[lane] ?? '' : state, view.left - 26);
  pen.font = small;
  pen.fillStyle = lanes.bad[lane] ? colours.error : colours.dim;
  pen.fillText(about, 16, top + rows.lane * 0.72);
}

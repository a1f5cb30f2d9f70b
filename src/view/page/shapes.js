// Records as marks: shapes where they stand apart, columns where they do not, and what they say above them.
//
// What a mark means can be told without colour: debug ring, info dot, warning triangle, error diamond, critical cross in a
// square.

import { WEIGHT } from './data.js';
import { columnsOf } from './marks.js';
import { ROOM_FOR_WORDS } from './rows.js';
import { words } from './strokes.js';

/** Marks closer together than this are columns, not shapes; px. */
const APART = 5;
/** How broad the columns are in which marks are counted, px, and in what steps bars grow: the same for neighbours if it can be. */
const BROAD_AS = 2;
const STEP_OF_BAR = 2;

export function paintMarks(pen, state, lane) {
  const { run, rows, view, colours, pyramid } = state;
  const y = rows.line(lane);
  const columns = new Columns(pen, y, rows.lane / 2 - 3, colours);
  const alone = [];
  let last = null;
  const paint = (item) => (item.isAlone ? alone.push(item) : columns.add(item));
  columnsOf(run, lane, view, BROAD_AS, (column, begin, end) => {
    const isAlone = end - begin === 1;
    const item = { x: isAlone ? view.x(run.sorted[begin]) : column, begin, end, weight: pyramid.max(begin, end), isAlone };
    if (last && item.x - last.x < APART) last.isAlone = item.isAlone = false;
    if (last) paint(last);
    last = item;
  });
  if (last) paint(last);
  columns.close();
  for (const item of alone) paintShape(pen, item.x, y, item.weight, run.kindName(run.at(item.begin)), colours, 1);
  if (rows.lane >= ROOM_FOR_WORDS) paintWords(pen, state, lane, alone, y);
}

/** Marks that stand too close for shapes: a bar, the higher the more there are, in the colour of the worst. Neighbours that
 * look the same are one bar: of a busy lane a few are painted, not one for each column of pixels. */
class Columns {
  constructor(pen, y, high, colours) {
    Object.assign(this, { pen, y, high, colours, bar: null });
  }

  add({ x, begin, end, weight }) {
    const full = 3 + 2.2 * Math.log2(1 + end - begin) + (weight >= WEIGHT.error ? 3 : 0);
    const tall = weight <= WEIGHT.event ? 3 : STEP_OF_BAR * Math.round(Math.min(this.high, full) / STEP_OF_BAR);
    if (this.bar && x - this.bar.to < BROAD_AS * 1.5 && this.bar.weight === weight && this.bar.tall === tall) {
      this.bar.to = x;
      return;
    }
    this.close();
    this.bar = { from: x, to: x, weight, tall };
  }

  close() {
    if (!this.bar) return;
    const { from, to, weight, tall } = this.bar;
    this.pen.fillStyle = colourOf(weight, this.colours);
    this.pen.fillRect(from - BROAD_AS / 2, this.y - tall, to - from + BROAD_AS, tall * 2);
    this.bar = null;
  }
}

export function colourOf(weight, colours) {
  return [colours.faint, colours.event, colours.debug, colours.info, colours.warning, colours.error, colours.critical][weight];
}

/** One mark by itself. */
export function paintShape(pen, x, y, weight, kind, colours, scale) {
  const colour = colourOf(weight, colours);
  pen.fillStyle = colour;
  pen.strokeStyle = colour;
  pen.lineWidth = 1.5;
  pen.beginPath();
  const polygon = (...points) => {
    points.forEach(([dx, dy], at) => (at ? pen.lineTo(x + dx * scale, y + dy * scale) : pen.moveTo(x + dx * scale, y + dy * scale)));
    pen.closePath();
  };
  switch (weight) {
    case WEIGHT.plumbing: pen.fillRect(x - 0.5, y - 2 * scale, 1, 4 * scale); return;
    case WEIGHT.event:
      if (kind === 'lane' || kind === 'proc') { polygon([-2, -5], [5, 0], [-2, 5]); pen.fill(); return; }
      // A wait has its bar.
      if (kind === 'wait' || kind === 'got') return;
      if (kind === 'end' || kind === 'exit') { pen.fillRect(x - 1.5 * scale, y - 6 * scale, 3 * scale, 12 * scale); return; }
      pen.fillRect(x - 0.75, y - 4 * scale, 1.5, 8 * scale);
      return;
    case WEIGHT.debug: pen.arc(x, y, 2.6 * scale, 0, 7); pen.fillStyle = colours.ground; pen.fill(); pen.stroke(); return;
    case WEIGHT.info: pen.arc(x, y, 3.6 * scale, 0, 7); break;
    case WEIGHT.warning: polygon([0, -6], [6, 4.5], [-6, 4.5]); break;
    case WEIGHT.error: polygon([0, -6.5], [6.5, 0], [0, 6.5], [-6.5, 0]); break;
    default: polygon([-6, -6], [6, -6], [6, 6], [-6, 6]);
  }
  pen.fill();
  pen.lineWidth = 1;
  pen.strokeStyle = colours.ground;
  pen.stroke();
  if (weight < WEIGHT.critical) return;
  pen.beginPath();
  pen.moveTo(x - 3 * scale, y - 3 * scale);
  pen.lineTo(x + 3 * scale, y + 3 * scale);
  pen.moveTo(x + 3 * scale, y - 3 * scale);
  pen.lineTo(x - 3 * scale, y + 3 * scale);
  pen.stroke();
}

/** What records say, above their marks, as far as there is room before the next words. */
function paintWords(pen, state, lane, alone, y) {
  const { run, view, colours, rows } = state;
  const said = alone.filter((item) => item.weight >= WEIGHT.debug || ['end', 'exit'].includes(run.kindName(run.at(item.begin))));
  said.forEach((item, at) => {
    const until = said[at + 1]?.x ?? view.left + view.width;
    const room = until - item.x - 8;
    if (room < 26 || item.x < view.left) return;
    const mark = run.at(item.begin);
    const colour = item.weight >= WEIGHT.warning ? colourOf(item.weight, colours) : item.weight >= WEIGHT.info ? colours.text : colours.dim;
    words(pen, state, run.text(mark), item.x - 3, y - rows.lane * 0.36, room, colour, 11.5);
  });
}

// What the marks and lines of the picture mean, below it, in the colours that it has.

import { make } from './element.js';
import { paintShape } from './shapes.js';

const MARKS = [[2, 'debug'], [3, 'info'], [4, 'warning'], [5, 'error'], [6, 'critical']];
const LINES = [['wait', 'waits'], ['stuck', 'never ended'], ['handed', 'hand-over'], ['started', 'start'], ['order', 'order known']];

/** Fills the legend; the element `seen` in it is for what is in view. */
export function showLegend(legend, ink) {
  const seen = document.getElementById('seen') ?? make('span', 'seen');
  seen.id = 'seen';
  const lines = LINES.map(([className, label]) => make('span', '', make('i', className), label));
  legend.replaceChildren(...MARKS.map(([weight, label]) => make('span', '', sample(weight, ink), label)), ...lines, seen);
}

function sample(weight, ink) {
  const canvas = make('canvas', '');
  const ratio = devicePixelRatio || 1;
  Object.assign(canvas, { width: 16 * ratio, height: 16 * ratio });
  const pen = canvas.getContext('2d');
  pen.scale(ratio, ratio);
  paintShape(pen, 8, 8, weight, '', ink, 1);
  return canvas;
}

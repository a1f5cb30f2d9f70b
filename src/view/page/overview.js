// The strip with the whole run in it: how much there was, where it was bad, and which part is seen.

import { WEIGHT } from './data.js';
import { colourOf } from './shapes.js';

/** The whole run in a strip: how much there was, where it was bad, and which part is seen. */
export function paintOverview(pen, state, strip) {
  const { view, colours, run } = state;
  const { width, height, ratio } = state.strip;
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.fillStyle = colours.band;
  pen.fillRect(0, 0, width, height);
  const wide = width / strip.counts.length;
  for (let at = 0; at < strip.counts.length; at += 1) {
    if (!strip.counts[at]) continue;
    const tall = 3 + ((height - 8) * Math.log2(1 + strip.counts[at])) / Math.log2(1 + strip.most);
    pen.fillStyle = colourOf(Math.max(strip.worst[at], WEIGHT.event), colours);
    pen.fillRect(at * wide, height - tall, Math.max(1, wide - 0.25), tall);
  }
  const [from, to] = [(view.from / run.span) * width, (view.to / run.span) * width];
  pen.fillStyle = colours.ground;
  pen.globalAlpha = 0.6;
  pen.fillRect(0, 0, from, height);
  pen.fillRect(to, 0, width - to, height);
  pen.globalAlpha = 1;
  pen.strokeStyle = colours.accent;
  pen.lineWidth = 1.5;
  pen.strokeRect(Math.max(0.75, from), 0.75, Math.max(3, Math.min(to, width) - Math.max(0, from) - 1.5), height - 1.5);
}

/** How many records there are in each of so many equal stretches, and the worst of each. */
export function stripOf(run, columns) {
  const counts = new Uint32Array(columns);
  const worst = new Uint8Array(columns);
  for (let mark = 0; mark < run.count; mark += 1) {
    const at = Math.min(columns - 1, Math.floor((run.time[mark] / run.span) * columns));
    counts[at] += 1;
    if (run.weight[mark] > worst[at]) worst[at] = run.weight[mark];
  }
  return { counts, worst, most: counts.reduce((a, b) => Math.max(a, b), 1) };
}

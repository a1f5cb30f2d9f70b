// Pointer, wheel and keys: what a person does to the picture, as calls of the page.

import { lowerBound, upperBound } from './data.js';
import { AXIS, flagsOf } from './paint.js';

/** How near the pointer must be to a mark, px. */
const NEAR = 9;

/** Listens on the stage; `page` has state and the verbs select, look, zoom, pan, scroll, hover, redraw. */
export function listen(canvas, strip, page) {
  listenToPointer(canvas, page);
  listenToStrip(strip, page);
  canvas.addEventListener('wheel', (event) => {
    event.preventDefault();
    const { view, rows } = page.state;
    const unit = event.deltaMode === 1 ? 18 : 1;
    const fits = rows.height <= rows.visible;
    if (event.ctrlKey || event.metaKey || (fits && !event.shiftKey && Math.abs(event.deltaY) >= Math.abs(event.deltaX))) {
      page.zoom(Math.exp(Math.max(-120, Math.min(120, event.deltaY * unit)) * 0.004), view.time(event.offsetX));
    } else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      page.pan(((event.deltaX || event.deltaY) * unit * view.length) / view.width);
    } else {
      page.scroll(event.deltaY * unit);
    }
  }, { passive: false });
}

function listenToPointer(canvas, page) {
  const pointers = new Map();
  let moved = 0;
  let pinch = 0;
  canvas.addEventListener('pointerdown', (event) => {
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, { x: event.offsetX, y: event.offsetY });
    moved = 0;
    canvas.focus();
  });
  canvas.addEventListener('pointermove', (event) => {
    const { view } = page.state;
    const before = pointers.get(event.pointerId);
    if (!before) { page.hover(markAt(page.state, event.offsetX, event.offsetY), event); return; }
    const [dx, dy] = [event.offsetX - before.x, event.offsetY - before.y];
    moved += Math.abs(dx) + Math.abs(dy);
    pointers.set(event.pointerId, { x: event.offsetX, y: event.offsetY });
    if (pointers.size === 2) {
      const [a, b] = [...pointers.values()];
      const apart = Math.hypot(a.x - b.x, a.y - b.y);
      if (pinch) page.zoom(pinch / apart, view.time((a.x + b.x) / 2));
      pinch = apart;
    } else if (moved > 3) {
      page.pan((-dx * view.length) / view.width);
      page.scroll(-dy);
    }
  });
  const lift = (event) => { pointers.delete(event.pointerId); pinch = 0; };
  canvas.addEventListener('pointerup', (event) => {
    const wasDown = pointers.has(event.pointerId);
    lift(event);
    if (wasDown && moved <= 3) click(page, event);
  });
  canvas.addEventListener('pointercancel', lift);
  canvas.addEventListener('pointerleave', () => page.hover(null));
  canvas.addEventListener('dblclick', (event) => page.zoom(0.25, page.state.view.time(event.offsetX)));
}

function click(page, event) {
  const found = markAt(page.state, event.offsetX, event.offsetY);
  if (found.finding !== undefined) page.look(found.finding);
  else page.select(found.mark ?? (found.wait === undefined ? null : page.state.run.waits.mark[found.wait]));
}

function listenToStrip(strip, page) {
  const go = (event) => {
    if (!event.buttons) return;
    const { view, run } = page.state;
    const time = (event.offsetX / strip.clientWidth) * run.span;
    page.frame(time - view.length / 2, time + view.length / 2);
  };
  strip.addEventListener('pointerdown', (event) => { strip.setPointerCapture(event.pointerId); go(event); });
  strip.addEventListener('pointermove', go);
}

/** What is there: a mark, else a wait, or the flag of a finding. */
export function markAt(state, x, y) {
  const { run, rows, view } = state;
  if (y < AXIS) {
    const flag = flagsOf(state).find((candidate) => x >= candidate.x - 2 && x <= candidate.x + 16);
    return flag ? { finding: flag.at } : {};
  }
  const lane = rows.laneAt(y - AXIS);
  if (lane === null) return {};
  if (x < view.left) return { lane };
  const [first, last] = [run.first[lane], run.first[lane + 1]];
  const wide = view.length / view.width;
  const begin = lowerBound(run.sorted, view.time(x) - NEAR * wide, first, last);
  const end = Math.min(upperBound(run.sorted, view.time(x) + NEAR * wide, first, last), begin + 5000);
  let best = null;
  const cost = (place) => Math.abs(view.x(run.sorted[place]) - x) - run.weight[run.at(place)] * 0.9;
  for (let place = begin; place < end; place += 1) if (best === null || cost(place) < cost(best)) best = place;
  if (best !== null) return { lane, mark: run.at(best), count: end - begin };
  return { lane, wait: waitAt(run, lane, view.time(x)) };
}

function waitAt(run, lane, time) {
  const { waits } = run;
  const [first, last] = [run.waitsOf[lane], run.waitsOf[lane + 1]];
  const end = upperBound(waits.begin, time, first, last);
  for (let wait = end - 1; wait >= Math.max(first, end - 16); wait -= 1) if (waits.begin[wait] + waits.took[wait] >= time) return wait;
  return undefined;
}

/** The keys, each with what it does; the help is made of them. */
export const KEYS = [
  ['← →', 'the record before, after, in the lane'],
  ['↑ ↓', 'the nearest record in the lane above, below'],
  ['+ −', 'zoom in, out (also w s, or the wheel)'],
  ['a d', 'earlier, later (also drag, or shift and wheel)'],
  ['PgUp PgDn', 'lanes further up, down'],
  ['Enter', 'to the chosen record'],
  ['[ ]', 'the finding before, after'],
  ['c', 'back along the chain: the record that led to this one'],
  ['0, Home', 'what matters, the whole run'],
  ['/', 'search; then n and N for the next and the one before'],
  ['l', 'filter lanes'],
  ['k', 'show the order of locks'],
  ['t', 'light or dark'],
  ['Esc', 'close, choose nothing'],
];

/** Keys work wherever the focus is, but in fields. */
export function listenToKeys(page) {
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const inField = event.target.matches?.('input[type=search]');
    if (event.key === 'Escape') { page.escape(inField); return; }
    if (inField || event.target.closest?.('dialog')) return;
    const onButton = event.target.matches?.('button, summary, [role=button], input');
    if (onButton && ['Enter', ' '].includes(event.key)) return;
    const act = actionOf(event.key, page);
    if (!act) return;
    event.preventDefault();
    act();
  });
}

function actionOf(key, page) {
  const { view, rows } = page.state;
  const middle = () => (page.state.selected === null ? (view.from + view.to) / 2 : page.state.run.time[page.state.selected]);
  const actions = {
    ArrowLeft: () => page.step(-1),
    ArrowRight: () => page.step(1),
    ArrowUp: () => page.hop(-1),
    ArrowDown: () => page.hop(1),
    '+': () => page.zoom(0.5, middle()),
    '=': () => page.zoom(0.5, middle()),
    w: () => page.zoom(0.5, middle()),
    '-': () => page.zoom(2, middle()),
    s: () => page.zoom(2, middle()),
    a: () => page.pan(-view.length / 4),
    d: () => page.pan(view.length / 4),
    PageUp: () => page.scroll(-rows.visible * 0.8),
    PageDown: () => page.scroll(rows.visible * 0.8),
    Enter: () => page.goTo(page.state.selected),
    '[': () => page.nextFinding(-1),
    ']': () => page.nextFinding(1),
    c: () => page.back(),
    0: () => page.fit(),
    Home: () => page.all(),
    '/': () => page.focusOn('search'),
    l: () => page.focusOn('filter'),
    n: () => page.nextHit(1),
    N: () => page.nextHit(-1),
    k: () => page.switchLocks(),
    t: () => page.switchTheme(),
    '?': () => page.help(),
  };
  return Object.hasOwn(actions, key) ? actions[key] : null;
}

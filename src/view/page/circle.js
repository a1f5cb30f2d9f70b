// Who waits for whom, as a small drawing: the lanes of a finding that stood still, and an arrow from each to whoever could
// have ended its wait.

const SVG = 'http://www.w3.org/2000/svg';
const BROAD = 340;
const BOX = { width: 112, height: 34 };
/** How wide a letter of an arrow's words is, and where along an arrow they are tried. */
const LETTER = 6.4;
const ALONG = [0.42, 0.5, 0.32, 0.6, 0.24, 0.7, 0.16, 0.8];
/** How much room an arrow above a box needs. */
const LOOP = 36;
/** More than so many are a list, not a circle. */
const MOST = 8;

function shape(name, attributes, ...children) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/** The drawing, or null where nobody is known to wait for anybody. */
export function circle(run, finding, choose) {
  const waits = (finding.waits ?? []).filter((wait) => wait.on.length);
  const lanes = [...new Set(waits.flatMap((wait) => [wait.lane, ...wait.on]))];
  if (!waits.length || lanes.length > MOST) return null;
  const ordered = inOrder(lanes, waits);
  const height = ordered.length <= 2 ? 116 : 190 + Math.max(0, ordered.length - 4) * 26;
  const places = new Map(ordered.map((lane, at) => [lane, placeOf(at, ordered.length, height)]));
  // The lowest box of several need not stand at the lowest place; arrows between the lowest ones bend below them.
  const below = Math.max(...[...places.values()].map(({ y }) => y)) + BOX.height / 2 + 14;
  const lowest = ordered.length <= 2 ? height : Math.min(height, below);
  // Who waits for itself has an arrow above its box.
  const loops = waits.filter(({ lane, on }) => on.includes(lane)).map(({ lane }) => places.get(lane).y - BOX.height / 2 - LOOP);
  const top = Math.min(0, ...loops);
  const drawing = shape('svg', { viewBox: `0 ${top} ${BROAD} ${lowest - top}`, class: 'circle', role: 'img' });
  drawing.append(shape('title', {}, waits.map((wait) => spoken(run, wait)).join('; ')));
  drawing.append(shape('defs', {}, shape('marker', { id: 'head', viewBox: '0 0 8 8', refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: 'auto' }, shape('path', { d: 'M0 0 L8 4 L0 8 z' }))));
  // A lane may wait for another in several ways; each is drawn once.
  const arrows = new Map(waits.flatMap(({ lane, on, what }) => on.map((owner) => [`${lane} ${owner} ${what}`, [places.get(lane), places.get(owner), what]])));
  const taken = [...places.values()].map(({ x, y }) => ({ x, y, wide: BOX.width, high: BOX.height }));
  for (const ends of arrows.values()) drawing.append(...arrow(...ends, taken));
  for (const [lane, place] of places) drawing.append(box(run, lane, place, choose));
  return drawing;
}

function spoken(run, wait) {
  return `${run.nameOf(wait.lane)} waits for ${wait.what} of ${wait.on.map((lane) => run.nameOf(lane)).join(', ')}`;
}

/** Along the arrows, from the first lane on, so that a circle is drawn as one. */
function inOrder(lanes, waits) {
  const next = new Map(waits.map((wait) => [wait.lane, wait.on]));
  const order = [];
  const visit = (lane) => {
    if (order.includes(lane)) return;
    order.push(lane);
    (next.get(lane) ?? []).forEach(visit);
  };
  // Whoever is only blocked behind the circle comes last.
  const awaited = new Set(waits.flatMap((wait) => wait.on));
  lanes.filter((lane) => awaited.has(lane) && next.has(lane)).forEach(visit);
  lanes.forEach(visit);
  return order;
}

function placeOf(at, count, height) {
  const middle = { x: BROAD / 2, y: height / 2 };
  if (count === 1) return { x: middle.x, y: height - BOX.height };
  if (count === 2) return { x: at ? BROAD - BOX.width / 2 - 2 : BOX.width / 2 + 2, y: middle.y };
  const angle = (at / count) * 2 * Math.PI - Math.PI / 2;
  return { x: middle.x + Math.cos(angle) * (BROAD / 2 - BOX.width / 2 - 2), y: middle.y + Math.sin(angle) * (height / 2 - BOX.height / 2 - 4) };
}

function box(run, lane, { x, y }, choose) {
  const name = run.nameOf(lane);
  const group = shape('g', { class: 'box', tabindex: 0, role: 'button' },
    shape('rect', { x: x - BOX.width / 2, y: y - BOX.height / 2, width: BOX.width, height: BOX.height, rx: 6 }),
    shape('text', { x, y: y - 2, class: 'name' }, name.length > 14 ? `${name.slice(0, 13)}…` : name),
    shape('text', { x, y: y + 11, class: 'id' }, run.lanes.id[lane]));
  group.addEventListener('click', () => choose(lane));
  group.addEventListener('keydown', (event) => { if (event.key === 'Enter') choose(lane); });
  return group;
}

function arrow(from, to, what, taken) {
  if (from === to) return loop(from, what, taken);
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const length = Math.hypot(dx, dy) || 1;
  // Bent to the left of its way, so that two that go to and fro lie apart.
  const bend = { x: (from.x + to.x) / 2 + (dy / length) * 46, y: (from.y + to.y) / 2 - (dx / length) * 46 };
  const begin = edgeOf(from, bend);
  const end = edgeOf(to, bend);
  const along = (t) => Object.fromEntries(['x', 'y'].map((axis) => [axis, (1 - t) ** 2 * begin[axis] + 2 * t * (1 - t) * bend[axis] + t ** 2 * end[axis]]));
  return [
    shape('path', { class: 'wait', d: `M${begin.x} ${begin.y} Q${bend.x} ${bend.y} ${end.x} ${end.y}`, 'marker-end': 'url(#head)' }),
    label(ALONG.map(along), what, taken),
  ];
}

/** Who waits for what only it itself could give. */
function loop({ x, y }, what, taken) {
  const top = y - BOX.height / 2;
  return [
    shape('path', { class: 'wait', d: `M${x - 22} ${top} C${x - 44} ${top - 34} ${x + 44} ${top - 34} ${x + 22} ${top - 1}`, 'marker-end': 'url(#head)' }),
    label([{ x, y: top - 25 }], what, taken),
  ];
}

/** The words of an arrow, at the first of the points where they hide no others and no box; else at the first. */
function label(points, what, taken) {
  const short = what.replace(/^(lock|queue|condition|semaphore|event|the result of future|the result of) /, '');
  const said = short.length > 24 ? `${short.slice(0, 23)}…` : short;
  const size = { wide: said.length * LETTER + 10, high: 16 };
  const isFree = ({ x, y }) => taken.every((other) => Math.abs(other.x - x) * 2 >= other.wide + size.wide || Math.abs(other.y - y) * 2 >= other.high + size.high);
  const inside = points.map(({ x, y }) => ({ x: Math.min(Math.max(x, size.wide / 2), BROAD - size.wide / 2), y }));
  const place = inside.find(isFree) ?? inside[0];
  taken.push({ ...place, ...size });
  return shape('text', { class: 'what', x: place.x, y: place.y + 3 }, said);
}

/** Where a line from the middle of a box to a point leaves the box. */
function edgeOf(middle, point) {
  const [dx, dy] = [point.x - middle.x, point.y - middle.y];
  const scale = Math.min(BOX.width / 2 / Math.max(Math.abs(dx), 1e-6), BOX.height / 2 / Math.max(Math.abs(dy), 1e-6), 1);
  return { x: middle.x + dx * scale, y: middle.y + dy * scale };
}

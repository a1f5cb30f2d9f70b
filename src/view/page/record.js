// One record from near: its text, fields, traceback, stack, and the chain of hand-overs that led to it.

import { clock } from './time.js';
import { make } from './element.js';

/** Fills the panel. `actions` has open(id), step(by), close(). */
export function showRecord(panel, run, mark, hops, actions) {
  const lane = run.laneOf(mark);
  const detail = run.detail(mark);
  const { level, logger, site } = run.sourceOf(mark);
  const title = make('header', '',
    button('‹', 'The record before it in its lane (←)', () => actions.step(-1), mark === run.first[lane]),
    button('›', 'The next record of its lane (→)', () => actions.step(1), mark + 1 === run.first[lane + 1]),
    make('b', 'id', run.id(mark)),
    make('span', `level w${run.weight[mark]}`, level || logger),
    make('span', 'lane', run.nameOf(lane)),
    make('time', '', clock(run.begin, run.time[mark])),
    make('span', 'grow'),
    button('×', 'Close (Esc)', actions.close, false));
  panel.replaceChildren(title, make('div', 'columns', said(run, mark, detail, level ? logger : '', site), cause(run, mark, hops, actions)));
  panel.hidden = false;
}

function button(text, title, act, disabled) {
  const element = make('button', '', text);
  Object.assign(element, { type: 'button', title, disabled });
  element.addEventListener('click', act);
  return element;
}

function said(run, mark, detail, logger, site) {
  return make('div', 'said',
    make('p', 'text', run.text(mark) || '(no text)'),
    make('p', 'source', logger ? make('span', '', `${logger}  `) : null, site ? make('code', '', site) : null),
    fields(detail.fields),
    ...(detail.exc ?? []).map(traceback),
    stack(detail.stack, 'it stands at'),
    detail.where ? make('pre', 'stack', detail.where) : null);
}

function fields(pairs) {
  if (!pairs?.length) return null;
  return make('dl', 'fields', ...pairs.flatMap(([key, value]) => [make('dt', '', String(key)), make('dd', '', String(value))]));
}

/** As Python prints it: the place where it was raised last. */
function traceback(exception, at, all) {
  const lines = exception.frames.map(([place, code]) => make('div', 'frame', make('code', '', place), code ? make('div', 'code', code) : null));
  const then = at < all.length - 1 ? make('p', 'then', 'which led to') : null;
  return make('div', 'traceback', ...lines, make('p', 'raised', make('b', '', exception.type), exception.msg ? `: ${exception.msg}` : ''), then);
}

function stack(frames, title) {
  if (!frames?.length) return null;
  return make('div', 'traceback', make('p', 'then', title), ...frames.map((place) => make('div', 'frame', make('code', '', place))));
}

/** What led to it: each step is a hand-over, and the record of its sender before it. */
function cause(run, mark, hops, actions) {
  const list = make('ol', 'chain');
  list.append(make('li', 'title', hops.length ? 'what led to it' : 'Nothing was handed to this lane before: it is at the root.'));
  for (const hop of hops) {
    const words = run.heading.words[run.arrows.how[hop.arrow]];
    const sender = run.nameOf(run.laneOf(hop.from));
    list.append(make('li', '', make('span', 'how', `▲ ${words} ${sender}`), step(run, hop.from, actions)));
  }
  return list;
}

function step(run, mark, actions) {
  const link = make('button', 'step', make('i', '', run.id(mark)), make('time', '', clock(run.begin, run.time[mark])), make('span', '', run.text(mark).split('\n', 1)[0]));
  link.type = 'button';
  link.addEventListener('click', () => actions.open(run.id(mark)));
  return link;
}

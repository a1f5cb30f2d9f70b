// The page of a run that may grow: its picture is asked for again and again, and shown when it has changed.

import { asked } from './asking.js';
import { Run } from './data.js';
import { make } from './element.js';
import { giveUp, show } from './main.js';

/** Between two questions, ms; at least four times as long as the last answer took. */
const REST = 1000;

/** The picture where it is another than the one with that tag; what is to be said of the server, and when no picture comes why. */
async function pictureOf(address, tag) {
  let answer;
  try {
    answer = await asked(address, { headers: tag ? { 'If-None-Match': tag } : {} });
    if (answer.status === 304) return { tag, said: 'live' };
    if (answer.ok) return { tag: answer.headers.get('ETag'), said: 'live', packed: new Uint8Array(await answer.arrayBuffer()) };
    const why = (await answer.json()).error;
    return { tag, said: 'no picture', why };
  } catch {
    return { tag, said: 'logq serve does not answer any more', why: 'logq serve does not answer.' };
  }
}

async function follow(address) {
  let tag = null;
  let isShown = false;
  for (;;) {
    const begun = performance.now();
    const found = await pictureOf(address, tag);
    tag = found.tag;
    if (found.packed) show(new Run(found.packed));
    isShown ||= Boolean(found.packed);
    document.getElementById('live').textContent = found.said;
    if (!isShown && found.why) document.getElementById('verdict').replaceChildren(make('p', 'loading', found.why));
    await new Promise((resume) => { setTimeout(resume, Math.max(REST, 4 * (performance.now() - begun))); });
  }
}

const home = Object.assign(make('a', 'home', 'logq'), { href: '/', title: 'Every run of this store' });
document.querySelector('#top b').replaceWith(home);
follow(`/api/runs/${location.pathname.split('/')[2]}/picture`).catch(giveUp);

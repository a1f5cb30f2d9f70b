// The page of a run that may grow: its picture is asked for again and again, and shown when it has changed.

import { Run } from './data.js';
import { make } from './element.js';
import { giveUp, show } from './main.js';

/** Between two questions, ms; at least four times as long as the last answer took. */
const PAUSE = 1000;

async function follow(address) {
  let tag = null;
  const say = (words) => { document.getElementById('live').textContent = words; };
  for (;;) {
    const begun = performance.now();
    try {
      const answer = await fetch(address, { cache: 'no-store', headers: tag ? { 'If-None-Match': tag } : {} });
      if (answer.status === 200) {
        show(new Run(new Uint8Array(await answer.arrayBuffer())));
        tag = answer.headers.get('ETag');
      }
      say(answer.ok || answer.status === 304 ? 'live' : `no picture: ${(await answer.json()).error ?? answer.status}`);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      say('logq serve does not answer any more');
    }
    await new Promise((resume) => { setTimeout(resume, Math.max(PAUSE, 4 * (performance.now() - begun))); });
  }
}

const home = Object.assign(make('a', 'home', 'logq'), { href: '/', title: 'Every run of this store' });
document.querySelector('#top b').replaceWith(home);
follow(document.getElementById('data').dataset.at).catch(giveUp);

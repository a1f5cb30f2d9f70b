// The page of a run as it was when the page was written: the picture is in the page.

import { load } from './data.js';
import { giveUp, show } from './main.js';

async function open(source) {
  show(await load(source));
  source.remove();
}

open(document.getElementById('data')).catch(giveUp);

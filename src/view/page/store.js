// The page of a store: its runs with their verdicts, and the records that are asked for, as they come.

import { asked, withToken } from './asking.js';
import { make } from './element.js';
import { switchTheme } from './theme.js';

const $ = (id) => document.getElementById(id);
/** Between two looks at the runs, ms; where some are still being read, and else. */
const SOON = 300;
const PAUSE = 2000;
/** So many records stand on the page; older ones make room. */
const MOST = 500;
const WEIGHTS = { WARNING: 'w4', ERROR: 'w5', CRITICAL: 'w6' };

/** The answer at that address; what is wrong with a question is the error's message. */
async function ask(path, words = {}, signal = null) {
  const said = new URLSearchParams(Object.entries(words).filter(([, word]) => word !== ''));
  const answer = await asked(`/api/${path}?${said}`, { signal });
  const document = await answer.json();
  if (!answer.ok) throw new Error([document.error, ...(document.there_is ?? [])].join('\n'));
  return document;
}

// ---- runs

function runCard(run) {
  const address = `/run/${encodeURIComponent(run.run)}`;
  if (run.unread) return make('div', 'run unread', make('b', '', run.run), make('div', 'how', 'being read'));
  if (run.unreadable) return make('div', 'run fault', make('b', '', run.run), make('div', 'finding', run.unreadable));
  const faults = run.findings.filter((finding) => finding.counts);
  const told = (faults.length ? faults : run.findings.slice(0, 1)).slice(0, 3).map((finding) => make('div', finding.counts ? 'finding' : 'finding mild',
    make('span', 'kind', finding.kind.replaceAll('-', ' ')), finding.summary));
  const card = make('a', `run${faults.length ? ' fault' : ''}${run.living ? ' living' : ''}`,
    make('div', 'head', make('b', '', run.program || run.run), make('time', '', clock(run.first).slice(0, 19))),
    ...told, make('div', 'how', `${run.state} · ${run.counts}`));
  card.href = address;
  return card;
}

async function showRuns() {
  const { runs, all } = await ask('runs');
  $('counts').textContent = all === 1 ? '1 run' : `${all.toLocaleString()} runs`;
  const cards = runs.map(runCard);
  if (!cards.length) cards.push(make('p', 'loading', 'Nothing is recorded here yet: logq run -- python prog.py'));
  if (runs.length < all) cards.push(make('p', 'loading', `and ${(all - runs.length).toLocaleString()} older ones`));
  $('runs').replaceChildren(...cards);
  const chosen = $('run').value;
  const options = runs.map((run) => Object.assign(make('option', '', `${run.program || 'run'}  ${run.run}`), { value: run.run }));
  $('run').replaceChildren($('run').firstElementChild, ...options);
  $('run').value = [...$('run').options].some((option) => option.value === chosen) ? chosen : 'all';
  return runs;
}

/** Looks at the runs again and again; soon where some are not read yet. */
async function watchRuns() {
  for (;;) {
    const begun = performance.now();
    let pause = PAUSE;
    try {
      const runs = await showRuns();
      $('live').textContent = 'live';
      pause = runs.some((run) => run.unread || run.older) ? SOON : Math.max(PAUSE, 4 * (performance.now() - begun));
    } catch (error) {
      $('live').textContent = error instanceof TypeError ? 'logq serve does not answer any more' : error.message;
    }
    await new Promise((resume) => { setTimeout(resume, pause); });
  }
}

// ---- records

function clock(time) {
  return time ? time.slice(0, 23).replace('T', ' ') : '';
}

function recordRow(record, run) {
  const level = record.level ?? record.ev ?? '';
  const fields = Object.entries(record.extra ?? {}).map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  const row = make('a', 'hit',
    make('time', '', clock(record.ts)),
    make('span', 'lane', record.thread ?? '', make('i', '', ` ${record.id}`)),
    make('span', `level ${WEIGHTS[level] ?? ''}`, level),
    make('span', 'message', record.msg ?? record.what ?? '', fields.length ? make('span', 'extra', `  ${fields.join('  ')}`) : ''));
  row.href = `/run/${encodeURIComponent(run)}#${encodeURIComponent(record.id)}`;
  return make('li', '', row);
}

function question() {
  return { q: $('query').value, run: $('run').value, level: $('level').value };
}

/** The search that goes on: what a later one makes needless is given up, here and at the server. */
let going = new AbortController();
/** The rows on the page by the names of their records, and the records that came while a question was on its way. */
const rows = new Map();
let fresh = [];

function isGivenUp(error) {
  return error.name === 'AbortError';
}

/** Shows what is asked for; the latest question wins. */
async function search() {
  going.abort();
  going = new AbortController();
  const { signal } = going;
  const words = question();
  fresh = [];
  try {
    const [found] = await Promise.all([ask('search', words, signal), showCounts(words, signal)]);
    rows.clear();
    found.records.forEach((record, at) => rows.set(nameOf(found.runs[at], record), recordRow(record, found.runs[at])));
    // Newest first: that is what one looks for.
    $('hits').replaceChildren(...[...rows.values()].reverse());
    if (!found.records.length) $('hits').replaceChildren(make('li', 'loading', 'nothing found'));
    for (const missing of found.missing) $('hits').append(make('li', 'trouble', missing));
    fresh.splice(0).forEach(showNew);
  } catch (error) {
    if (isGivenUp(error)) return;
    // What was asked beside it is of no use any more.
    going.abort();
    $('found').textContent = '';
    showSteps([]);
    $('hits').replaceChildren(make('li', 'trouble', error.message));
  }
}

/** How many there are, in all and over time. */
async function showCounts(words, signal) {
  const [steps, { count }] = await Promise.all([ask('histogram', words, signal), ask('count', words, signal)]);
  $('found').textContent = count === 1 ? '1 record' : `${count.toLocaleString()} records`;
  showSteps(steps.steps);
}

function showSteps(steps) {
  const most = steps.reduce((all, { count }) => Math.max(all, count), 1);
  $('histogram').replaceChildren(...steps.map(({ ts, count }) => {
    const bar = make('i', '');
    bar.style.height = count ? `${Math.max(3, (count / most) * 100)}%` : '0';
    bar.title = `${clock(ts)}  ${count.toLocaleString()}`;
    return bar;
  }));
  const [first, last] = $('span').children;
  first.textContent = clock(steps.at(0)?.ts);
  last.textContent = steps.length > 1 ? clock(steps.at(-1).ts) : '';
}

// ---- following

let events = null;
let counting = null;

/** A record is told once, by a search or as it comes. */
function nameOf(run, record) {
  return `${run} ${record.id}`;
}

function showNew({ run, record }) {
  const name = nameOf(run, record);
  // Also of one that a search has shown already: the count that came with it may be older.
  countAgain();
  if (rows.has(name)) return;
  const row = recordRow(record, run);
  rows.set(name, row);
  $('hits').querySelector('.loading')?.remove();
  $('hits').prepend(row);
  // The oldest ones make room.
  for (const [old, gone] of rows) {
    if (rows.size <= MOST) break;
    rows.delete(old);
    gone.remove();
  }
}

/** The counts follow more slowly. */
function countAgain() {
  counting ??= setTimeout(async () => {
    const begun = performance.now();
    // What is wrong with the question the search has said.
    await showCounts(question(), going.signal).catch(() => null);
    setTimeout(() => { counting = null; }, 4 * (performance.now() - begun));
  }, PAUSE / 2);
}

/** Listens to the chosen run, or to the newest one; then asks for what is there, so that nothing lies between. */
function listen() {
  events?.close();
  events = null;
  if (!$('follow').checked) { search(); return; }
  const words = question();
  if (words.run === 'all') delete words.run;
  events = new EventSource(withToken('/api/follow', Object.entries(words).filter(([, word]) => word)));
  let isAsking = true;
  const told = () => { isAsking = false; };
  // Also when it is heard again after a break. What is wrong with a question a search says better.
  events.addEventListener('open', () => { isAsking = true; search().then(told); });
  events.addEventListener('error', () => { if (isAsking) search().then(told); });
  events.addEventListener('trouble', (event) => { $('live').textContent = JSON.parse(event.data).error; });
  events.addEventListener('record', (event) => {
    const said = JSON.parse(event.data);
    if (isAsking) fresh.push(said);
    else showNew(said);
  });
}

let waiting = 0;
$('query').addEventListener('input', () => { clearTimeout(waiting); waiting = setTimeout(listen, 150); });
$('run').addEventListener('change', listen);
$('level').addEventListener('change', listen);
$('follow').addEventListener('change', listen);
$('tools').addEventListener('submit', (event) => { event.preventDefault(); listen(); });
$('theme').addEventListener('click', switchTheme);
watchRuns();
listen();

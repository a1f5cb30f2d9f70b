// The answer in words: is something wrong, how sure is that, who did what where, how to fix it, and what is missing.
//
// Text of a program becomes text nodes, never HTML.

import { circle } from './circle.js';
import { WEIGHT } from './data.js';
import { make } from './element.js';
import { clock } from './time.js';

/** So many errors that belong to no finding are listed. */
const MOST_ERRORS = 8;

/** Fills the panel. `actions` has choose(id of a lane), open(id of a record), look(finding). What is there already and says the
 * same stays as it is, opened or not: a run that grows is told anew every second. */
export function showVerdict(panel, run, active, actions) {
  const { heading } = run;
  const faults = heading.findings.filter((finding) => finding.counts);
  const known = new Map([...panel.children].map((child) => [child.said, child]));
  const isNew = !panel.querySelector('details');
  const parts = [
    headline(run, faults),
    ...heading.findings.map((finding) => known.get(saidBy(finding)) ?? card(run, finding, actions)),
    trouble(run, actions),
    leftOut(run),
  ].filter(Boolean).map((part) => known.get(part.said ??= part.textContent) ?? part);
  for (const child of [...panel.children]) if (!parts.includes(child)) child.remove();
  parts.forEach((part, at) => { if (panel.children[at] !== part) panel.insertBefore(part, panel.children[at] ?? null); });
  panel.querySelectorAll('details').forEach((details, at) => {
    details.querySelector('.number').textContent = String(at + 1);
    if (isNew) details.open = at === active;
    details.classList.toggle('active', at === active);
  });
}

/** Opens the card of the finding that is looked at. */
export function markActive(panel, active) {
  panel.querySelectorAll('details').forEach((details, at) => {
    if (at === active) details.open = true;
    details.classList.toggle('active', at === active);
  });
}

/** All that a card says, without the places of lanes and records in the picture. */
function saidBy(finding) {
  return JSON.stringify({ ...finding, lanes: null, marks: null, waits: null });
}

function headline(run, faults) {
  const { heading } = run;
  const others = heading.findings.length - faults.length + heading.findings_left_out;
  const rest = others ? ` ${count(others, 'thing', 'things')} worth knowing.` : '';
  const [look, sign, title] = faults.length ? ['bad', '✕', count(faults.length, 'fault', 'faults')] : faultless(run);
  const words = make('div', '', make('h2', '', title), make('p', '', `${heading.counts}.${rest}`));
  return make('div', `headline ${look}`, make('span', 'sign', sign), words);
}

/** An end that the program itself has seen is no fault of its concurrency; to call its run good would be wrong, too. */
function faultless({ heading, lanes }) {
  if (heading.records.all === 0) return ['none', '–', 'Nothing was recorded'];
  const processes = heading.processes.filter(({ bad }) => bad).length;
  const died = (lanes.bad ?? []).filter(Boolean).length;
  const ends = processes ? `${count(processes, 'process', 'processes')} ended badly` : died ? `${count(died, 'lane', 'lanes')} ended badly` : '';
  return ends ? ['mild', '!', `No fault was found, but ${ends}`] : ['good', '✓', 'Nothing wrong was found'];
}

function errorsOf(run) {
  const errors = [];
  for (let mark = 0; mark < run.count; mark += 1) if (run.weight[mark] >= WEIGHT.error) errors.push(mark);
  return errors;
}

function card(run, finding, actions) {
  const weight = finding.class === 'observation' ? 'observation' : finding.certainty;
  const summary = make('summary', '',
    make('span', 'number', '#'),
    make('b', 'kind', finding.kind.replaceAll('-', ' ')),
    make('span', 'weight', weight),
    make('span', 'title', finding.title));
  const details = make('details', `card ${finding.counts ? 'fault' : 'mild'}`, summary,
    make('p', 'summary', finding.summary),
    when(run, finding),
    circle(run, finding, (lane) => actions.choose(run.lanes.id[lane])),
    actors(run, finding, actions),
    places(finding),
    ...finding.resources.slice(0, 12).map((resource) => made(resource)),
    ...finding.notes.map((note) => make('p', 'note', note)),
    ...finding.missing.map((missing) => make('p', 'missing', `missing: ${missing}`)),
    finding.fix ? make('p', 'fix', make('b', '', 'fix '), finding.fix) : null,
    evidence(run, finding, actions),
    finding.see ? make('code', 'see', finding.see) : null);
  details.said = saidBy(finding);
  summary.addEventListener('click', (event) => {
    // Whether it is open follows from what is looked at: a card that the page opens must not move the picture.
    event.preventDefault();
    const cards = [...details.parentElement.querySelectorAll('details')];
    if (details.open && details.classList.contains('active')) details.open = false;
    else actions.look(cards.indexOf(details));
  });
  return details;
}

function when(run, finding) {
  if (finding.from === null) return null;
  const until = finding.to !== null ? `, until ${clock(run.begin, finding.to)}` : finding.waits?.length ? ', never resolved' : '';
  return make('p', 'when', `${until ? 'since' : 'at'} ${clock(run.begin, finding.from)}${until}`);
}

/** Who takes part, and where in the code each did what. */
function actors(run, finding, actions) {
  if (!finding.actors.length) return null;
  const items = finding.actors.slice(0, 30).map((actor) => {
    const lane = run.laneNamed(actor.id);
    const name = make(lane < 0 ? 'span' : 'button', 'actor', actor.name, make('i', '', ` ${actor.id}`));
    if (lane >= 0) { name.type = 'button'; name.addEventListener('click', () => actions.choose(actor.id)); }
    const own = finding.sites.filter((place) => place.actor === actor.id);
    const said = own.map((place) => make('div', 'place', place.role, make('code', '', siteOf(place))));
    return make('li', '', name, ...(said.length ? said : [make('div', 'place', actor.role)]));
  });
  const more = finding.actors.length - items.length;
  if (more > 0) items.push(make('li', '', `and ${more} more`));
  return make('ul', 'actors', ...items);
}

/** Places that belong to no actor. */
function places(finding) {
  const own = finding.sites.filter((place) => !finding.actors.some((actor) => actor.id === place.actor));
  if (!own.length) return null;
  return make('div', 'places', ...own.slice(0, 12).map((place) => make('div', 'place', place.role, make('code', '', siteOf(place)))));
}

function made({ name, obj, kind, site }) {
  const where = site ? make('code', '', siteOf(site)) : null;
  return make('div', 'place object', `${name ?? obj}: ${kind ?? 'object'}${site ? ', made at' : ''}`, where);
}

export function siteOf({ file, line, func }) {
  return `${file.split(/[/\\]/).at(-1)}:${line}${func && func !== '<module>' ? ` in ${func}` : ''}`;
}

function evidence(run, finding, actions) {
  if (!finding.marks.length) return null;
  const links = finding.marks.slice(0, 12).map((mark) => {
    const link = make('button', 'id', run.id(mark));
    link.type = 'button';
    link.addEventListener('click', () => actions.open(run.id(mark)));
    return link;
  });
  const more = finding.evidence.length - links.length;
  return make('p', 'evidence', 'evidence ', ...links, more > 0 ? ` and ${more} more` : '');
}

/** The worst records, where no finding says why they are there. */
function trouble(run, actions) {
  const told = new Set(run.heading.findings.flatMap((finding) => finding.marks));
  const errors = errorsOf(run);
  const worst = errors.filter((mark) => !told.has(mark)).sort((a, b) => run.time[a] - run.time[b]).slice(0, MOST_ERRORS);
  if (!worst.length) return null;
  const links = worst.map((mark) => {
    const link = make('button', 'step', make('i', '', run.id(mark)), make('span', '', run.text(mark).split('\n', 1)[0]));
    link.type = 'button';
    link.addEventListener('click', () => actions.open(run.id(mark)));
    return link;
  });
  const more = errors.length > worst.length ? `, ${worst.length} of ${errors.length.toLocaleString()}` : '';
  return make('div', 'trouble', make('h3', '', `errors on record${more}`), ...links);
}

/** What is not on record, and what the page had no room for. */
function leftOut(run) {
  const { heading } = run;
  const { all, shown } = heading.records;
  const said = heading.missing.map((missing) => `missing: ${missing}`);
  if (shown < all) said.push(`${(all - shown).toLocaleString()} of ${all.toLocaleString()} records are left out of this page: plain ones are thinned out evenly; beginnings, ends, and what findings rest on are all there. logq report -n has room for more`);
  if (heading.waits_left_out) said.push(`${heading.waits_left_out.toLocaleString()} waits are left out with their records`);
  if (heading.texts_cut) said.push(`the texts of ${heading.texts_cut.toLocaleString()} records are cut short`);
  if (heading.findings_left_out) said.push(`${heading.findings_left_out} further findings: logq diagnose`);
  const far = heading.focus[1] < heading.span * 0.2 || heading.focus[0] > heading.span * 0.8;
  if (far && shown) said.push('the picture begins with the part in which something happens; "all" (Home) shows the whole time');
  if (!said.length) return make('p', 'complete', shown ? 'Nothing is missing.' : '');
  return make('div', 'left-out', ...said.map((line) => make('p', line.startsWith('the picture begins') ? 'remark' : '', line)));
}

function count(n, one, many) {
  return `${n.toLocaleString()} ${n === 1 ? one : many}`;
}

// The page: what is seen and chosen, and the verbs that change it. Everything is drawn anew from here, once a frame at most.

import { carryOver, stuckIn } from './again.js';
import { waitWords } from './bars.js';
import { chain } from './causes.js';
import { lowerBound } from './data.js';
import { make } from './element.js';
import { find } from './find.js';
import { KEYS, listen, listenToKeys } from './hands.js';
import { showLegend } from './legend.js';
import { Pyramid } from './marks.js';
import { paintOverview, stripOf } from './overview.js';
import { AXIS, gutter, paint } from './paint.js';
import { showRecord } from './record.js';
import { Rows } from './rows.js';
import { colours, switchTheme } from './theme.js';
import { View, clock, duration } from './time.js';
import { markActive, showVerdict } from './verdict.js';

const $ = (id) => document.getElementById(id);
const STRIP_COLUMNS = 600;

class Page {
  constructor(run) {
    this.pens = { stage: $('canvas').getContext('2d', { alpha: false }), strip: $('overview').getContext('2d', { alpha: false }) };
    this.state = {
      ...this.#of(run),
      view: new View(run.span),
      colours: colours(),
      stage: { width: 1, height: 1, ratio: 1 },
      strip: { width: 1, height: 1, ratio: 1 },
      withLocks: false,
    };
    this.searches = 0;
    /** Whether a person has gone anywhere or chosen anything. */
    this.hasMoved = false;
    this.frames = [];
  }

  /** What there is of a run before anything is chosen. */
  #of(run) {
    this.overview = stripOf(run, STRIP_COLUMNS);
    const findings = run.heading.findings;
    const nothing = { selected: null, hops: [], chain: new Set(), hits: [], hit: -1, stuck: new Set() };
    return { run, findings, active: findings.length ? 0 : null, rows: new Rows(run), pyramid: new Pyramid(run), ...nothing };
  }

  start() {
    this.#tell();
    showLegend($('legend'), this.state.colours);
    this.#listen();
    this.resize();
    if (this.state.active !== null) this.look(0, true);
    else this.fit();
    this.hasMoved = false;
    const named = this.state.run.markOf(decodeURIComponent(location.hash.slice(1)));
    if (named !== null) this.goTo(named);
  }

  /** The run in words. */
  #tell() {
    const { run } = this.state;
    const { heading } = run;
    document.title = `${heading.findings.find((finding) => finding.counts)?.kind ?? 'run'} · ${heading.program || heading.run}`;
    $('program').textContent = heading.program;
    $('counts').textContent = `run ${heading.run}`;
    const actions = { choose: (id) => this.chooseLane(this.state.run.laneNamed(id)), open: (id) => this.goTo(this.state.run.markOf(id)), look: (at) => this.look(at) };
    showVerdict($('verdict'), run, this.state.active, actions);
  }

  /** Takes over the run as it is now. */
  replace(run) {
    const old = { ...this.state };
    Object.assign(this.state, this.#of(run));
    carryOver(old, this.state);
    this.#tell();
    // A fault that was not there is what one has been waiting for; who has gone elsewhere is not fetched.
    if (!this.hasMoved && old.active === null && this.state.active !== null) this.look(this.state.active, true);
    const { selected } = this.state;
    if (selected !== null && old.selected + 1 === old.run.first[old.run.laneOf(old.selected) + 1]) this.#showRecord();
    if (old.selected !== null && selected === null) this.select(null);
    if ($('search').value) this.search($('search').value);
    this.redraw();
  }

  #listen() {
    listen($('canvas'), $('overview'), this);
    listenToKeys(this);
    new ResizeObserver(() => this.resize()).observe($('stage'));
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.recolour());
    $('tools').addEventListener('submit', (event) => event.preventDefault());
    $('search').addEventListener('input', () => this.search($('search').value));
    $('search').addEventListener('keydown', (event) => { if (event.key === 'Enter') this.nextHit(event.shiftKey ? -1 : 1); });
    $('filter').addEventListener('input', () => this.filter($('filter').value));
    $('locks').addEventListener('change', () => { this.state.withLocks = $('locks').checked; this.redraw(); });
    const middle = () => (this.state.view.from + this.state.view.to) / 2;
    $('in').addEventListener('click', () => this.zoom(0.5, middle()));
    $('out').addEventListener('click', () => this.zoom(2, middle()));
    $('fit').addEventListener('click', () => this.fit());
    $('all').addEventListener('click', () => this.all());
    $('theme').addEventListener('click', () => this.switchTheme());
    $('help').addEventListener('click', () => this.help());
  }

  resize() {
    const { view, rows, run } = this.state;
    for (const [name, canvas, box] of [['stage', $('canvas'), $('stage')], ['strip', $('overview'), $('overview')]]) {
      const size = { width: box.clientWidth, height: box.clientHeight, ratio: devicePixelRatio || 1 };
      this.state[name] = size;
      canvas.width = Math.max(1, Math.round(size.width * size.ratio));
      canvas.height = Math.max(1, Math.round(size.height * size.ratio));
    }
    view.left = gutter(this.state.stage.width);
    view.width = Math.max(1, this.state.stage.width - view.left);
    rows.resize(Math.max(1, this.state.stage.height - AXIS));
    if (this.state.selected !== null) rows.reveal(run.laneOf(this.state.selected));
    this.draw();
  }

  /** Draws in the next frame, once however often it is asked for. */
  redraw() {
    if (this.waiting) return;
    this.waiting = requestAnimationFrame(() => { this.waiting = 0; this.draw(); });
  }

  draw() {
    const begun = performance.now();
    const { arrows } = paint(this.pens.stage, this.state);
    paintOverview(this.pens.strip, this.state, this.overview);
    this.frames.push(performance.now() - begun);
    if (this.frames.length > 600) this.frames.shift();
    const seen = `${duration(this.state.view.length)} in view`;
    $('seen').textContent = arrows ? `${seen}; ${arrows.toLocaleString()} hand-overs, too many to draw: zoom in, or filter lanes` : seen;
  }

  recolour() {
    this.state.colours = colours();
    showLegend($('legend'), this.state.colours);
    this.redraw();
  }

  switchTheme() {
    switchTheme();
    this.recolour();
  }

  // ---- where one looks

  zoom(factor, at) { this.hasMoved = true; this.state.view.zoom(factor, at); this.redraw(); }

  pan(time) { this.hasMoved = true; this.state.view.pan(time); this.redraw(); }

  frame(from, to) { this.hasMoved = true; this.state.view.show(from, to); this.redraw(); }

  scroll(pixels) { this.hasMoved = true; this.state.rows.move(pixels); this.redraw(); }

  fit() {
    this.hasMoved = true;
    this.state.view.frame(...this.state.run.heading.focus);
    this.redraw();
  }

  all() {
    this.hasMoved = true;
    this.state.view.frame(0, this.state.run.span);
    this.redraw();
  }

  /** Shows a finding: its lanes first where not all fit, its time in view. */
  look(at, isFirst = false) {
    const { run, findings, rows, view } = this.state;
    const finding = findings[at];
    this.state.active = at;
    this.state.stuck = stuckIn(finding);
    rows.raise(finding.lanes);
    rows.scroll = 0;
    if (finding.lanes.length) rows.reveal(finding.lanes[0]);
    if (isFirst) this.fit();
    const since = (finding.waits ?? []).map((wait) => wait.since ?? []);
    const times = finding.marks.map((mark) => run.time[mark]).concat(finding.from ?? [], ...since);
    const isSeen = times.length && times.every((time) => time >= view.from && time <= view.to && view.x(time) - view.left > 30);
    const spread = times.length ? Math.max(...times) - Math.min(...times) : 0;
    // What happened in a corner of a long run is looked at from nearer.
    if (times.length && (!isSeen || (isFirst && spread * 200 < view.length && run.count > 2000))) this.#near(times);
    markActive($('verdict'), at);
    this.redraw();
  }

  #near(times) {
    const [from, to] = [Math.min(...times), Math.max(...times)];
    const { view, run } = this.state;
    const around = Math.max((to - from) * 0.5, Math.min(run.span / 200, 2e9), 1000);
    view.show(from - around, to + around);
  }

  nextFinding(by) {
    const { findings, active } = this.state;
    if (!findings.length) return;
    const at = ((active ?? -1) + by + findings.length) % findings.length;
    this.look(at);
    document.querySelectorAll('#verdict details')[at]?.scrollIntoView({ block: 'nearest' });
    this.say(`${findings[at].kind}, ${findings[at].certainty}: ${findings[at].summary}`);
  }

  // ---- what is chosen

  select(mark) {
    const { run, rows } = this.state;
    this.state.selected = mark;
    this.state.hops = mark === null ? [] : chain(run, mark);
    this.state.chain = new Set(this.state.hops.flatMap((hop) => [hop.to, hop.from]));
    this.redraw();
    if (mark === null) { $('record').hidden = true; return; }
    this.hasMoved = true;
    rows.reveal(run.laneOf(mark));
    this.#showRecord();
    this.say(`${run.id(mark)}, ${run.nameOf(run.laneOf(mark))}, ${run.sourceOf(mark).level} ${run.text(mark)}`);
  }

  #showRecord() {
    const { run, selected, hops } = this.state;
    const open = (id) => this.goTo(this.state.run.markOf(id));
    const step = (by) => this.step(by);
    showRecord($('record'), run, selected, hops, { open, step, close: () => this.select(null) });
  }

  /** Chooses a record and moves there. */
  goTo(mark) {
    if (mark === null) return;
    const { run, view } = this.state;
    const time = run.time[mark];
    if (this.state.rows.rowOf[run.laneOf(mark)] < 0) { $('filter').value = ''; this.filter(''); }
    const x = view.x(time);
    if (x < view.left + 20 || x > view.left + view.width - 20) view.show(time - view.length / 2, time + view.length / 2);
    this.select(mark);
  }

  /** The next record of the lane, or the one before. */
  step(by) {
    const { run, selected } = this.state;
    if (selected === null) { this.goTo(this.#someMark()); return; }
    const next = selected + by;
    if (next >= 0 && next < run.count && run.laneOf(next) === run.laneOf(selected)) this.goTo(next);
  }

  /** The record nearest in time in the next lane that is shown. */
  hop(by) {
    const { run, rows, selected } = this.state;
    if (selected === null) { this.goTo(this.#someMark()); return; }
    let row = rows.rowOf[run.laneOf(selected)] + by;
    while (row >= 0 && row < rows.kinds.length && rows.kinds[row] !== 'lane') row += by;
    if (row < 0 || row >= rows.kinds.length) return;
    this.chooseNear(rows.refs[row], run.time[selected]);
  }

  chooseNear(lane, time) {
    const { run } = this.state;
    const [first, last] = [run.first[lane], run.first[lane + 1]];
    const after = Math.min(lowerBound(run.sorted, time, first, last), last - 1);
    const before = Math.max(after - 1, first);
    this.goTo(run.at(time - run.sorted[before] < run.sorted[after] - time ? before : after));
  }

  chooseLane(lane) {
    const { run, view, rows } = this.state;
    rows.reveal(lane);
    const mine = this.state.findings[this.state.active]?.marks.find((mark) => run.laneOf(mark) === lane);
    if (mine !== undefined) this.goTo(mine);
    else this.chooseNear(lane, (view.from + view.to) / 2);
  }

  #someMark() {
    const { run, rows, view, findings, active } = this.state;
    const told = findings[active]?.marks[0];
    if (told !== undefined) return told;
    const [first] = rows.inView();
    const row = rows.kinds.findIndex((kind, at) => at >= first && kind === 'lane');
    if (row < 0) return null;
    const lane = rows.refs[row];
    return run.at(Math.min(lowerBound(run.sorted, view.from, run.first[lane], run.first[lane + 1]), run.first[lane + 1] - 1));
  }

  /** The record that led to the chosen one. */
  back() {
    if (this.state.hops.length) this.goTo(this.state.hops[0].from);
  }

  // ---- finding

  async search(text) {
    this.searches += 1;
    const own = this.searches;
    const { run } = this.state;
    const hits = await find(run, text, () => own === this.searches);
    if (hits === null || own !== this.searches) return;
    // The same words again, in a run that has grown: where one was among the hits one stays.
    const at = text === this.searched ? hits.indexOf(this.state.hits[this.state.hit]) : -1;
    this.searched = text;
    Object.assign(this.state, { hits, hit: at });
    this.#sayHits();
    this.redraw();
  }

  nextHit(by) {
    const { hits } = this.state;
    if (!hits.length) return;
    this.state.hit = (this.state.hit + by + hits.length + (this.state.hit < 0 && by < 0 ? 1 : 0)) % hits.length;
    this.#sayHits();
    this.goTo(hits[this.state.hit]);
  }

  #sayHits() {
    const { hits, hit } = this.state;
    const searched = $('search').value.trim() !== '';
    const said = hits.length ? `${hit >= 0 ? `${hit + 1} of ` : ''}${hits.length.toLocaleString()}` : 'none';
    $('hits').textContent = searched ? said : '';
  }

  filter(text) {
    this.state.rows.filter(text);
    this.state.rows.scroll = 0;
    this.redraw();
  }

  // ---- the rest

  hover(found, event) {
    const tip = $('tip');
    const { run } = this.state;
    if (!found || (found.mark === undefined && found.wait === undefined)) { tip.hidden = true; return; }
    if (found.mark !== undefined) {
      const { level, logger, site } = run.sourceOf(found.mark);
      const more = found.count > 1 ? `  and ${found.count - 1} more here` : '';
      tip.replaceChildren(make('b', '', `${level || logger}  `), run.text(found.mark).slice(0, 400),
        make('div', '', `${run.id(found.mark)}  ${clock(run.begin, run.time[found.mark])}  ${site.split('/').at(-1)}${more}`));
    } else {
      const { text, took, owner } = waitWords(run, found.wait);
      tip.replaceChildren(make('b', '', text.slice(0, 400)), make('div', '', owner && !text.includes(owner) ? `${took}; ${owner} has it` : took));
    }
    tip.hidden = false;
    const { width, height } = this.state.stage;
    tip.style.left = `${Math.max(4, Math.min(event.offsetX + 14, width - tip.offsetWidth - 6))}px`;
    tip.style.top = `${event.offsetY + 20 + tip.offsetHeight > height ? event.offsetY - tip.offsetHeight - 10 : event.offsetY + 18}px`;
  }

  escape(inField) {
    if (inField) { document.activeElement.blur(); $('canvas').focus(); return; }
    this.select(null);
  }

  focusOn(id) { $(id).focus(); $(id).select(); }

  switchLocks() { $('locks').click(); }

  help() {
    const dialog = $('keys');
    const keys = KEYS.map(([key, does]) => make('div', 'key', make('kbd', '', key), make('span', '', does)));
    const close = make('button', '', 'Close');
    close.addEventListener('click', () => dialog.close());
    dialog.replaceChildren(make('h2', '', 'Keys'), ...keys, close);
    dialog.showModal();
  }

  /** Tells a reader of the screen. */
  say(text) { $('said').textContent = text.slice(0, 500); }
}

let page = null;

/** Shows a run, or a later state of the one that is shown. */
export function show(run) {
  if (page) { page.replace(run); return; }
  page = new Page(run);
  page.start();
  // For tests, and for whoever looks at the page from its console.
  globalThis.logqPage = page;
}

/** Says why there is nothing to show. */
export function giveUp(error) {
  $('verdict').replaceChildren(make('p', 'loading', `The page could not be opened: ${error.message}`));
  throw error;
}

// The page of a run in a real Chromium: what is seen at once, and what pointer and keys do. Screenshots stay in
// target/browser/.
//
//     LOGQ_BINARY=… node --test tests/browser/

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { PICTURES, open, shut } from './browser.mjs';
import { Spool, busy, deadlock, hostile, ordered } from './spool.mjs';

after(shut);

const verdict = (page) => page.locator('#verdict').innerText();
const state = (page, what) => page.evaluate(what);

/** Where on the screen a record is drawn. */
function placeOf(page, id) {
  return page.evaluate((wanted) => {
    const { run, view, rows } = logqPage.state;
    for (let mark = 0; mark < run.count; mark += 1) {
      if (run.id(mark) !== wanted) continue;
      const box = document.getElementById('canvas').getBoundingClientRect();
      return { x: box.left + view.x(run.time[mark]), y: box.top + 26 + rows.line(run.laneOf(mark)) };
    }
    return null;
  }, id);
}

test('a deadlock is seen without a click: what, who, where, the circle, in light and dark', async () => {
  const file = deadlock().report();
  for (const scheme of ['light', 'dark']) {
    const { page, close } = await open(file, { scheme });
    const said = await verdict(page);
    for (const words of ['1 fault', 'DEADLOCK', 'certain', 'A waits for vault_2', 'holds vault_1', 'bank.py:17', 'take them in one order everywhere']) {
      assert.ok(said.includes(words), `${words} in ${said}`);
    }
    const circle = page.locator('svg.circle').first();
    assert.ok(await circle.isVisible());
    const awaited = await circle.locator('.what').allTextContents();
    assert.ok(awaited.includes('vault_1') && awaited.includes('vault_2'), awaited.join());
    assert.ok(await state(page, () => logqPage.state.stuck.size) >= 2);
    await page.screenshot({ path: join(PICTURES, `deadlock-${scheme}.png`) });
    await close();
  }
});

test('who waits for what it holds itself is drawn with its wait, and all that is said there can be read', async () => {
  const spool = new Spool();
  spool.begin();
  for (const lane of ['t2', 't3']) spool.lane(lane, lane, 't1@1');
  spool.line('t1', { ev: 'obj', obj: 'lock:1', kind: 'threading.Lock', name: 'gate', site: ['/shop/bank.py', 8, '<module>'] });
  for (const lane of ['t1', 't2', 't3']) {
    const held = lane === 't1' ? [{ obj: 'lock:1', since: 10_000 }] : [];
    spool.line(lane, { ev: 'wait', on: 'lock', obj: 'lock:1', owner: 't1', held_since: 10_000, held, stack: [{ file: '/shop/bank.py', line: 17, func: 'deposit' }] });
  }
  const { page, close } = await open(spool.report());
  assert.match(await verdict(page), /DEADLOCK/);
  const circle = page.locator('svg.circle').first();
  assert.deepEqual(await circle.locator('.what').allTextContents(), ['gate', 'gate', 'gate']);
  const { outside, hidden } = await circle.evaluate((svg) => {
    const all = svg.getBoundingClientRect();
    const boxes = (selector) => [...svg.querySelectorAll(selector)].map((part) => part.getBoundingClientRect());
    const isOutside = (box) => box.left < all.left || box.right > all.right || box.top < all.top || box.bottom > all.bottom;
    const words = boxes('.what');
    const covers = (one, other) => one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom;
    const others = (at) => [...boxes('rect'), ...words.filter((_, place) => place !== at)];
    return { outside: boxes('.what, .wait, rect').filter(isOutside).length, hidden: words.filter((box, at) => others(at).some((other) => covers(box, other))).length };
  });
  assert.deepEqual({ outside, hidden }, { outside: 0, hidden: 0 });
  await close();
});

test('the theme follows the system and can be switched', async () => {
  const { page, close } = await open(deadlock().report(), { scheme: 'dark' });
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const dark = await ground();
  await page.keyboard.press('t');
  assert.notEqual(await ground(), dark);
  assert.equal(await page.evaluate(() => logqPage.state.colours.ground), '#ffffff');
  await close();
});

test('a record that is clicked tells its text, fields and traceback, and its chain lights up', async () => {
  const spool = new Spool();
  spool.begin();
  spool.lane('t2', 'intake', 't1@1');
  spool.lane('t3', 'packer', 't1@1');
  const put = spool.log('t2', 'INFO', 'order 8812 comes in');
  spool.line('t2', { ev: 'obj', obj: 'queue:1', kind: 'queue.Queue', name: 'orders' });
  const exc = { type: 'LookupError', msg: 'no item 77', stack: [{ file: '/shop/shop.py', line: 95, func: 'take', code: 'raise LookupError(item)' }] };
  spool.log('t3', 'ERROR', 'order 8812 failed', { hb: [`${put}|queue:1`], extra: { order_id: 8812 }, exc });
  const { page, close } = await open(spool.report());
  const at = await placeOf(page, '1.t3@2');
  await page.mouse.click(at.x, at.y);
  const said = await page.locator('#record').innerText();
  for (const words of ['1.t3@2', 'order 8812 failed', 'order_id', '8812', 'LookupError: no item 77', 'shop.py:95 in take', 'raise LookupError(item)', 'item from queue orders, put by intake', 'order 8812 comes in', 'started by MainThread']) {
    assert.ok(said.includes(words), `${words} in ${said}`);
  }
  assert.deepEqual(await state(page, () => [...logqPage.state.chain].map((mark) => logqPage.state.run.id(mark)).sort()), ['1.t1@1', '1.t2@1', '1.t2@2', '1.t3@2']);
  await page.screenshot({ path: join(PICTURES, 'chain.png') });
  await page.keyboard.press('Escape');
  assert.equal(await page.locator('#record').isVisible(), false);
  await close();
});

test('everything by keyboard: records, lanes, causes, zoom, search, filter, help', async () => {
  const { page, close } = await open(busy(3000, 8).report());
  const selected = () => page.evaluate(() => logqPage.state.run.id(logqPage.state.selected));
  const length = () => page.evaluate(() => logqPage.state.view.length);
  await page.keyboard.press('/');
  await page.keyboard.type('order 1500 packed');
  await page.waitForFunction(() => logqPage.state.hits.length === 1);
  await page.keyboard.press('Enter');
  const found = await selected();
  assert.match(await page.locator('#record').innerText(), /order 1500 packed/);
  await page.keyboard.press('Escape');
  await page.keyboard.press('ArrowRight');
  const [lane, number] = found.split('@');
  assert.equal(await selected(), `${lane}@${Number(number) + 1}`);
  await page.keyboard.press('ArrowDown');
  assert.notEqual((await selected()).split('@')[0], lane);
  await page.keyboard.press('c');
  const whole = await length();
  for (let n = 0; n < 40; n += 1) await page.keyboard.press('+');
  assert.ok(await length() <= 2000, 'down to microseconds');
  await page.keyboard.press('Home');
  assert.ok(await length() >= whole);
  await page.keyboard.press('l');
  await page.keyboard.type('worker-3');
  assert.equal(await state(page, () => logqPage.state.rows.kinds.filter((kind) => kind === 'lane').length), 1);
  await page.keyboard.press('Escape');
  await page.keyboard.press('?');
  assert.match(await page.locator('#keys').innerText(), /search/);
  await close();
});

test('the wheel zooms at the pointer, a drag pans', async () => {
  const { page, close } = await open(busy(500, 4).report());
  const view = () => page.evaluate(() => ({ from: logqPage.state.view.from, to: logqPage.state.view.to, at: logqPage.state.view.time(600) }));
  const box = await page.locator('#canvas').boundingBox();
  await page.mouse.move(box.x + 600, box.y + 60);
  const before = await view();
  await page.mouse.wheel(0, -400);
  await page.waitForFunction((length) => logqPage.state.view.length < length, before.to - before.from);
  const near = await view();
  assert.ok(Math.abs(near.at - before.at) < (before.to - before.from) / 500, 'the time under the pointer stays');
  await page.mouse.down();
  await page.mouse.move(box.x + 500, box.y + 60, { steps: 4 });
  await page.mouse.up();
  assert.ok((await view()).from > near.from);
  await close();
});

test('hostile text stays text, in every field', async () => {
  const { page, close } = await open(hostile().spool.report());
  for (let n = 0; n < 8; n += 1) {
    await page.keyboard.press(n === 4 ? 'ArrowDown' : 'ArrowRight');
    assert.match(await page.locator('#record').innerText(), /@/);
  }
  assert.ok((await page.locator('body').innerText()).includes('<img src=x onerror='));
  assert.equal(await state(page, () => globalThis.bad), undefined);
  assert.equal(await page.locator('img, iframe, object, script[src], a').count(), 0);
  await close();
});

test('no record, one record, a record from next year: it opens and says so', async () => {
  const none = await open(new Spool().report());
  assert.match(await verdict(none.page), /Nothing was recorded/);
  await none.page.keyboard.press('ArrowRight');
  await none.close();
  const alone = new Spool();
  alone.begin();
  const one = await open(alone.report());
  assert.match(await verdict(one.page), /No fault was found, but 1 process ended badly/);
  await one.page.keyboard.press('ArrowRight');
  assert.match(await one.page.locator('#record').innerText(), /1\.t1@1/);
  await one.close();
  const spool = busy(400, 3);
  spool.line('t2', { level: 'INFO', logger: 'shop', msg: 'from next year' }, 365 * 86_400 * 1e9);
  spool.clock = 5_000_000;
  spool.log('t2', 'INFO', 'and back again');
  const odd = await open(spool.report());
  assert.match(await verdict(odd.page), /"all" \(Home\) shows the whole time/);
  assert.ok(await state(odd.page, () => logqPage.state.view.length) < 60e9);
  await odd.page.keyboard.press('/');
  await odd.page.keyboard.type('next year');
  await odd.page.waitForFunction(() => logqPage.state.hits.length === 1);
  await odd.page.keyboard.press('Enter');
  assert.match(await odd.page.locator('#record').innerText(), /from next year/);
  await odd.close();
});

test('of a run that is too long the page says what it leaves out', async () => {
  const { page, close } = await open(busy(5000, 4).report('-n', '500'));
  assert.match(await verdict(page), /4,\d\d\d of 5,\d\d\d records are left out/);
  assert.ok(await state(page, () => logqPage.state.run.count) <= 600);
  await close();
});

test('a narrow window has it all one below the other', async () => {
  const { page, close } = await open(deadlock().report(), { width: 420, height: 800 });
  assert.ok(await page.locator('#canvas').isVisible());
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth) <= 420);
  await page.screenshot({ path: join(PICTURES, 'narrow.png') });
  await close();
});

test('many lanes and many records stay responsive', async () => {
  const lanes = Number(process.env.LOGQ_BROWSER_LANES ?? 20_000);
  const wide = await open(busy(lanes * 2, lanes).report());
  await wide.page.keyboard.press('PageDown');
  await timePans(wide.page, `${lanes} lanes`, wide.took);
  await wide.close();
  const records = Number(process.env.LOGQ_BROWSER_RECORDS ?? 200_000);
  const long = await open(busy(records).report());
  await timePans(long.page, `${records} records`, long.took);
  await long.close();
});

test('thousands of lines between lanes are drawn from far and from near', async () => {
  const { page, took, close } = await open(ordered(6000).report());
  const kinds = await state(page, () => logqPage.state.run.arrows.kind.reduce((all, kind) => { all[kind] += 1; return all; }, [0, 0, 0, 0]));
  assert.ok(kinds[2] > 2000 && kinds[3] > 2000, `dashed ones of both kinds: ${kinds}`);
  await page.locator('#locks').check();
  await timePans(page, `${kinds[2] + kinds[3]} dashed lines`, took);
  for (let n = 0; n < 40; n += 1) {
    await page.keyboard.press('+');
    await state(page, () => logqPage.draw());
  }
  assert.ok(await state(page, () => logqPage.state.view.length) <= 2000, 'down to microseconds, where each line is millions of pixels long');
  await close();
});

test('of a crowd of hand-overs those are drawn that are news to their lane', async () => {
  const spool = new Spool();
  spool.begin();
  spool.lane('t2', 'asks', 't1@1');
  let set = spool.log('t1', 'INFO', 'the flag is set');
  for (let n = 0; n < 100; n += 1) {
    if (n === 50) set = spool.log('t1', 'INFO', 'and again');
    spool.log('t2', 'INFO', 'it is set', { hb: [`${set}|event:1`] });
  }
  const { page, close } = await open(spool.report());
  const arrows = await state(page, () => { const { count, isNews, to } = logqPage.state.run.arrows; return { count, news: [...to].filter((_, n) => isNews[n]).map((mark) => logqPage.state.run.id(mark)) }; });
  assert.deepEqual(arrows, { count: 101, news: ['1.t2@1', '1.t2@2', '1.t2@52'] });
  await close();
});

/** Zooms and pans; prints what a frame costs. */
async function timePans(page, what, took) {
  const frames = await page.evaluate(async () => {
    const times = [];
    logqPage.all();
    for (let n = 0; n < 60; n += 1) {
      if (n < 30) logqPage.zoom(0.8, logqPage.state.run.span * 0.4);
      logqPage.pan(logqPage.state.view.length / 50);
      const begun = performance.now();
      logqPage.draw();
      times.push(performance.now() - begun);
      await new Promise((resume) => { requestAnimationFrame(resume); });
    }
    return times.sort((a, b) => a - b);
  });
  console.log(`${what}: opened in ${Math.round(took)} ms; a frame takes ${frames[30].toFixed(1)} ms, at worst ${frames[59].toFixed(1)} ms`);
  assert.ok(frames[30] < 200, 'a machine that is busy with other things is slow, not that slow');
}

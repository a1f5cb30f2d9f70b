// The live pages of `logq serve` in a real Chromium: every run of a store, searching, following, and that nobody else gets in.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { PICTURES, open, shut } from './browser.mjs';
import { Spool, deadlock, hostile } from './spool.mjs';

after(shut);

/** A store with a run that stands still and a newer one that goes on, and the page of it. */
async function served({ scheme } = {}) {
  const { folder } = deadlock().write();
  const spool = new Spool({ folder, run: '20261122-181503-live', proc: '4243-bbbbbb' });
  spool.begin({ argv: ['live.py'] });
  spool.lane('t2', 'packer', 't1@1');
  for (let n = 1; n <= 30; n += 1) {
    spool.clock += 20_000_000;
    spool.log('t2', n % 10 ? 'INFO' : 'ERROR', `order ${n} packed`, { extra: { order_id: n } });
  }
  const server = await spool.serve();
  const ready = () => document.querySelectorAll('#runs a.run').length === 2 && document.querySelectorAll('#hits .hit').length;
  const opened = await open(server.url, { scheme, origin: server.origin, ready });
  const close = async () => {
    await opened.close();
    server.close();
  };
  return { ...opened, spool, server, close };
}

const hits = (page) => page.locator('#hits .message').allTextContents();

test('the runs of the store are there with their verdicts, and each leads to its picture and back', async () => {
  for (const scheme of ['light', 'dark']) {
    const { page, close } = await served({ scheme });
    const runs = await page.locator('#runs a.run').allTextContents();
    assert.equal(runs.length, 2);
    assert.match(runs[0], /live\.py.*30 log records/);
    assert.match(runs[1], /shop\.py.*deadlock.*A waits for vault_2/);
    assert.equal(new URL(page.url()).hash, '', 'the token does not stay in the address');
    await page.screenshot({ path: join(PICTURES, `store-${scheme}.png`) });
    await page.locator('#runs a.run').nth(1).click();
    await page.waitForFunction(() => globalThis.logqPage);
    assert.match(await page.locator('#verdict').innerText(), /DEADLOCK/);
    await page.locator('.home').click();
    await page.waitForSelector('#runs a.run');
    await close();
  }
});

test('searching: words, fields, levels, what is wrong with a question, and from a hit to its place in the picture', async () => {
  const { page, wrong, close } = await served();
  await page.fill('#query', 'packed level:ERROR');
  await page.waitForFunction(() => document.querySelectorAll('#hits .hit').length === 3);
  assert.equal(await page.locator('#found').innerText(), '3 records');
  assert.ok(await page.locator('#histogram i').count() > 1);
  assert.match((await hits(page))[0], /order 30 packed/);
  await page.selectOption('#run', '20261122-171503-brow');
  await page.fill('#query', '');
  await page.waitForFunction(() => document.querySelectorAll('#hits .hit').length === 1);
  assert.match((await hits(page))[0], /taking 50 out/);
  await page.selectOption('#run', 'all');
  assert.deepEqual(wrong, []);
  await page.fill('#query', 'orderid:7');
  await page.waitForSelector('#hits .trouble');
  assert.match(await page.locator('#hits').innerText(), /order_id/);
  assert.match(wrong.splice(0).join(), /400/, 'the browser says that a question was refused, and nothing else');
  await page.fill('#query', 'order_id:7');
  await page.waitForFunction(() => document.querySelectorAll('#hits .hit').length === 1);
  await page.locator('#hits .hit').click();
  await page.waitForFunction(() => globalThis.logqPage && logqPage.state.selected !== null);
  assert.match(await page.locator('#record').innerText(), /1\.t2@8[\s\S]*order 7 packed/);
  await close();
});

test('what is written appears: in the list that follows, and in the picture, where the choice stays', async () => {
  const { page, spool, server, close } = await served();
  await page.check('#follow');
  await page.waitForFunction(() => !document.querySelector('#hits .loading'));
  spool.log('t2', 'WARNING', 'order 31 is late', { extra: { order_id: 31 } });
  spool.write();
  await page.waitForFunction(() => document.querySelector('#hits .message').textContent.includes('order 31 is late'));
  await page.waitForFunction(() => document.querySelector('#found').textContent === '32 records');
  assert.equal(new Set(await hits(page)).size, (await hits(page)).length, 'each record once');
  await page.goto(`${server.origin}/run/${spool.run}#1.t2%405`);
  await page.waitForFunction(() => globalThis.logqPage && logqPage.state.selected !== null);
  const count = await page.evaluate(() => logqPage.state.run.count);
  spool.log('t2', 'ERROR', 'order 32 is lost');
  spool.write();
  await page.waitForFunction((before) => logqPage.state.run.count > before, count);
  assert.equal(await page.evaluate(() => logqPage.state.run.id(logqPage.state.selected)), '1.t2@5');
  assert.match(await page.locator('#verdict').innerText(), /errors on record, 3 of 4/);
  await page.keyboard.press('Escape');
  await page.screenshot({ path: join(PICTURES, 'live.png') });
  await close();
});

test('hostile text stays text on the live pages, too', async () => {
  const { spool, said } = hostile();
  const server = await spool.serve();
  const { page, close } = await open(server.url, { origin: server.origin, ready: () => document.querySelector('#hits .hit') && document.querySelector('#runs a.run') });
  await page.selectOption('#level', '');
  await page.check('#follow');
  spool.log('t2', said, said, { thread: said, extra: { [said]: said } });
  spool.write();
  await page.waitForFunction(() => document.querySelectorAll('#hits .message').length > 6);
  assert.ok((await page.locator('#hits').innerText()).includes('<img src=x onerror='));
  assert.ok((await page.locator('#runs').innerText()).includes('<img src=x onerror='));
  await page.locator('#runs a.run').first().click();
  await page.waitForFunction(() => globalThis.logqPage);
  assert.equal(await page.evaluate(() => globalThis.bad), undefined);
  assert.equal(await page.locator('img, iframe, object, script[src]').count(), 0);
  await close();
  server.close();
});

test('a run that grows moves nothing: neither the picture nor what is opened, chosen and found', async () => {
  const { page, spool, server, close } = await served();
  for (let lane = 3; lane < 60; lane += 1) {
    spool.lane(`t${lane}`, `porter-${lane}`, 't1@1');
    for (let n = 0; n < 20; n += 1) spool.log(`t${lane}`, 'INFO', `parcel-${n}-`);
  }
  spool.line('t3', { ev: 'exc', where: 'thread', hook: 'default', type: 'KeyError', msg: 'no porter' });
  spool.line('t4', { ev: 'exc', where: 'thread', hook: 'default', type: 'ValueError', msg: 'no parcel' });
  spool.write();
  await page.goto(`${server.origin}/run/${spool.run}`);
  await page.waitForFunction(() => globalThis.logqPage && logqPage.state.run.laneCount > 50);
  const cards = page.locator('#verdict details');
  assert.ok(await cards.count() > 1);
  // One looks at the second finding, closes it, opens the first, and goes elsewhere.
  await cards.nth(1).locator('summary').click();
  await cards.nth(1).locator('summary').click();
  await page.fill('#search', 'parcel-7-');
  await page.waitForFunction(() => logqPage.state.hits.length === 57);
  await page.keyboard.press('Enter');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Escape');
  await page.keyboard.press('PageDown');
  await page.keyboard.press('+');
  const looks = () => page.evaluate(() => {
    const { run, view, rows, selected, hits, hit, active } = logqPage.state;
    const [first] = rows.inView();
    const row = rows.kinds.findIndex((kind, at) => at >= first && kind === 'lane');
    return {
      view: [view.from, view.to], top: [run.lanes.id[rows.refs[row]], rows.top(row)], selected: run.id(selected), hit: run.id(hits[hit]), active,
      open: [...document.querySelectorAll('#verdict details')].map((card) => card.open), scrolled: document.getElementById('verdict').scrollTop,
      record: document.getElementById('record').scrollTop,
    };
  });
  await page.evaluate(() => { document.getElementById('verdict').scrollTop = 40; });
  const before = await looks();
  const summary = await cards.nth(0).locator('summary').elementHandle();
  const count = await page.evaluate(() => logqPage.state.run.count);
  for (let n = 0; n < 20; n += 1) spool.log('t2', 'ERROR', `order lost ${n}`);
  spool.lane('t60', 'late', 't1@1');
  spool.write();
  await page.waitForFunction((known) => logqPage.state.run.count > known + 20, count);
  await page.waitForFunction(() => document.querySelector('#hits').textContent.startsWith('2 of'));
  assert.deepEqual(await looks(), before);
  assert.ok(await summary.evaluate((element) => element.isConnected), 'what is not new is not drawn anew');
  await close();
});

test('no other port of this machine gets what opens the store', async () => {
  const { page, server, close } = await served();
  const heard = [];
  const other = createServer((request, response) => {
    heard.push(request.rawHeaders.join(' '));
    response.end('<title>other</title>');
  });
  await new Promise((resume) => { other.listen(0, '127.0.0.1', resume); });
  const kept = await page.evaluate(() => Object.values(localStorage));
  assert.match(kept.join(), /^[0-9a-f]{32}$/);
  assert.deepEqual(await page.context().cookies(), []);
  const visitor = await page.context().newPage();
  await visitor.goto(`http://127.0.0.1:${other.address().port}/`);
  assert.deepEqual(await visitor.evaluate(() => Object.values(localStorage)), []);
  assert.ok(heard.length && !heard.join().includes(kept[0]), heard.join());
  // A further tab of the same browser is at home.
  await visitor.goto(`${server.origin}/`);
  await visitor.waitForSelector('#runs a.run');
  await visitor.close();
  other.close();
  await close();
});

test('a page of another site learns nothing, even in the browser that has the token', async () => {
  const { page, wrong, server, close } = await served();
  await page.route('http://elsewhere.example/', (route) => route.fulfill({ contentType: 'text/html', body: '<title>elsewhere</title>' }));
  await page.goto('http://elsewhere.example/');
  const learnt = await page.evaluate(async (origin) => {
    const asked = ['cors', 'no-cors'].map((mode) => fetch(`${origin}/api/runs`, { mode, credentials: 'include' }).then((answer) => answer.text(), () => ''));
    const framed = new Promise((resume) => {
      const frame = document.createElement('iframe');
      frame.onload = () => { try { resume(frame.contentDocument.body.innerText); } catch { resume(''); } };
      frame.src = `${origin}/`;
      document.body.append(frame);
    });
    return Promise.all([...asked, framed]);
  }, server.origin);
  assert.deepEqual(learnt, ['', '', '']);
  wrong.length = 0;
  await close();
});

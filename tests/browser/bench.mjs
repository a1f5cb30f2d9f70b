// What a page of a million records costs: how long it takes to open, and what a frame takes while it is zoomed and panned.
//
//     node bench.mjs PAGE…

import { statSync } from 'node:fs';
import { launch } from './browser.mjs';

const browser = await launch();

const middle = (times) => times.sort((a, b) => a - b)[Math.floor(times.length / 2)];

for (const file of process.argv.slice(2)) {
  const opened = [];
  let page;
  for (let round = 0; round < 3; round += 1) {
    await page?.close();
    page = await browser.newPage({ viewport: { width: 1360, height: 820 } });
    const begun = performance.now();
    await page.goto(`file://${file}`);
    await page.waitForFunction(() => globalThis.logqPage, null, { timeout: 120_000 });
    opened.push(performance.now() - begun);
  }
  const { count, arrows, frames, search } = await page.evaluate(async () => {
    const { run } = logqPage.state;
    const times = [];
    logqPage.all();
    for (let n = 0; n < 120; n += 1) {
      if (n % 2) logqPage.zoom(0.85, run.span * 0.4);
      else logqPage.pan(logqPage.state.view.length / 40);
      const begun = performance.now();
      logqPage.draw();
      times.push(performance.now() - begun);
      await new Promise((resume) => { requestAnimationFrame(resume); });
    }
    const begun = performance.now();
    await logqPage.search('order 77');
    return { count: run.count, arrows: run.arrows.count, frames: times, search: performance.now() - begun };
  });
  const worst = Math.max(...frames);
  console.log(`${count.toLocaleString('en')} records, ${arrows.toLocaleString('en')} hand-overs, ${(statSync(file).size / 1e6).toFixed(1)} MB: opens in ${(middle(opened) / 1000).toFixed(2)} s (budget 3), a frame ${middle(frames).toFixed(1)} ms, at worst ${worst.toFixed(1)} ms (budget 33), a search ${Math.round(search)} ms`);
}
await browser.close();

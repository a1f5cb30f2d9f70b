// A real Chromium, and pages opened in it so that whatever goes wrong in them fails the test. Screenshots stay in
// target/browser/.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync } from 'node:fs';
import { chromium } from 'playwright-core';

const CHROMIUM = process.env.LOGQ_CHROMIUM ?? '/usr/bin/chromium';
const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
export const PICTURES = new URL('../../target/browser/', import.meta.url).pathname;

export function launch() {
  assert.ok(existsSync(CHROMIUM), `no ${CHROMIUM}`);
  mkdirSync(PICTURES, { recursive: true });
  return chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
}

let browser = null;

/** After the tests. */
export async function shut() {
  await browser?.close();
}

/** Opens a page that asks for nothing but what is at `origin`; `close` fails the test when anything in it went wrong. */
export async function open(address, { width = 1360, height = 820, scheme = 'light', origin = null, ready = () => globalThis.logqPage } = {}) {
  browser ??= await launch();
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme });
  const page = await context.newPage();
  const wrong = [];
  page.on('pageerror', (error) => wrong.push(error.message));
  page.on('console', (message) => { if (message.type() === 'error') wrong.push(message.text()); });
  page.on('request', (request) => {
    const isOwn = /^(file|data|blob):/.test(request.url()) || (origin && request.url().startsWith(`${origin}/`));
    if (!isOwn) wrong.push(`wanted ${request.url()}`);
  });
  const begun = performance.now();
  await page.goto(address);
  await page.waitForFunction(ready, null, { timeout: 120_000 });
  const took = performance.now() - begun;
  const close = async () => {
    assert.deepEqual(wrong, []);
    await context.close();
  };
  return { page, took, wrong, close };
}

// Starts a bowhead and a Chromium for the tests, and ends both.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../../..');
const BINARY = process.env.BOWHEAD_BIN ?? join(ROOT, 'build/release/bowhead');
const CACHE = process.env.BOWHEAD_CACHE ?? join(homedir(), '.cache/bowhead');
const MODEL = join(CACHE, 'models/SmolLM2-135M-Instruct.Q4_1.gguf');
const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';

const sleep = (ms) => new Promise((wake) => setTimeout(wake, ms));

function freePort() {
  return new Promise((found, failed) => {
    const probe = createServer().on('error', failed);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => found(port));
    });
  });
}

/** A running `bowhead serve` of the default model, ready to answer. `stop()` ends it as SIGTERM does. */
export async function startServer(...flags) {
  for (const [file, advice] of [[BINARY, 'build it first, or set BOWHEAD_BIN'], [MODEL, 'run tools/fetch.py default-model']]) {
    if (!existsSync(file)) throw new Error(`${file} is missing: ${advice}`);
  }
  const port = await freePort();
  const child = spawn(BINARY, ['serve', MODEL, '--port', String(port), ...flags], { stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (piece) => (log = (log + piece).slice(-20_000)));
  const ended = new Promise((end) => child.once('exit', (code, signal) => end({ code, signal })));
  const url = `http://127.0.0.1:${port}`;
  for (const deadline = Date.now() + 120_000; ; await sleep(100)) {
    if (child.exitCode !== null || Date.now() > deadline) throw new Error(`bowhead serve did not become ready:\n${log}`);
    if (await fetch(`${url}/ready`).then((answer) => answer.ok, () => false)) break;
  }
  return {
    url,
    async stop() {
      child.kill('SIGTERM');
      return Promise.race([ended, sleep(20_000).then(() => (child.kill('SIGKILL'), ended))]);
    },
  };
}

/** A Chromium with a profile of its own. `stop()` ends it and removes the profile. */
export async function startBrowser() {
  const profile = mkdtempSync(join(tmpdir(), 'bowhead-browser-'));
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    env: { ...process.env, XDG_CONFIG_HOME: profile, XDG_CACHE_HOME: profile },
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync'],
  });
  return {
    newContext: (options) => browser.newContext({ locale: 'en-US', viewport: { width: 1280, height: 860 }, ...options }),
    async stop() {
      await browser.close();
      rmSync(profile, { recursive: true, force: true });
    },
  };
}

/**
 * A page at `url`, loaded and ready to send. Fails the test later if the page broke its own security policy, threw, or
 * asked anyone but its server for anything: call `check()` at the end.
 */
export async function openPage(context, url, path = '/', { ready = true } = {}) {
  const page = await context.newPage();
  const complaints = [];
  page.on('pageerror', (error) => complaints.push(`threw: ${error}`));
  page.on('dialog', (dialog) => (complaints.push(`dialog: ${dialog.message()}`), dialog.dismiss()));
  page.on('request', (request) => {
    if (!request.url().startsWith(url) && !request.url().startsWith('blob:')) complaints.push(`asked ${request.url()}`);
  });
  await page.exposeFunction('complain', (text) => complaints.push(text));
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => window.complain(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
  });
  await page.goto(url + path);
  if (ready) await page.locator('.dot.ready').waitFor();
  return Object.assign(page, {
    complaints,
    check() {
      if (complaints.length > 0) throw new Error(`the page misbehaved:\n${complaints.join('\n')}`);
    },
  });
}

/** Types a message, sends it, and waits until its answer is complete. */
export async function ask(page, text) {
  const before = await page.locator('article.answer').count();
  await page.locator('#composer').fill(text);
  await page.locator('#composer').press('Enter');
  await page.locator('article.answer').nth(before).locator('.figures').waitFor({ timeout: 180_000 });
}

/** From here on, this page's answers are `text`, in pieces as a model would send them. The server stays real otherwise. */
export async function answerWith(page, text, usage = { prompt_tokens: 3, completion_tokens: 9, total_tokens: 12 }) {
  const pieces = text.match(/[^]{1,7}/gu) ?? [];
  const chunks = [
    ...pieces.map((content) => ({ choices: [{ index: 0, delta: { content }, finish_reason: null }] })),
    { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] },
    { choices: [], usage },
  ];
  await page.unroute('**/v1/chat/completions');
  await page.route('**/v1/chat/completions', (route) => route.fulfill({
    contentType: 'text/event-stream',
    body: chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join('') + 'data: [DONE]\n\n',
  }));
}

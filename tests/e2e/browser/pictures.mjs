// Takes the README's pictures of the page: npm run pictures
import { fileURLToPath } from 'node:url';
import { ask, openPage, startBrowser, startServer } from './harness.mjs';

const FOLDER = fileURLToPath(new URL('../../../docs/images/', import.meta.url));
const SETTINGS = JSON.stringify({ parameters: { temperature: 0, max_tokens: 300 } });
const CONVERSATIONS = [
  ['Name three whales that live in the Arctic.'],
  ['Give me five ideas for a rainy Sunday.'],
  ['Write a short poem about the sea.'],
  ['Write a Python function that checks whether a word is a palindrome.', 'Now write one that counts the vowels in a word.'],
];

const server = await startServer('--alias', 'SmolLM2-135M-Instruct');
const browser = await startBrowser();
try {
  for (const [colorScheme, name] of [['light', 'page'], ['dark', 'page-dark']]) {
    const context = await browser.newContext({ colorScheme, viewport: { width: 1280, height: 800 }, deviceScaleFactor: 1.5 });
    await context.addInitScript((settings) => localStorage.setItem('bowhead.settings', settings), SETTINGS);
    const page = await openPage(context, server.url);
    for (const questions of CONVERSATIONS) {
      await page.keyboard.press('Control+Shift+O');
      await page.getByRole('heading', { level: 1, name: 'What can I help with?' }).waitFor();
      for (const question of questions) await ask(page, question);
    }
    await page.locator('#composer').blur();
    await page.waitForTimeout(300);
    await page.screenshot({ path: `${FOLDER}${name}.png` });
    await context.close();
  }
} finally {
  await browser.stop();
  await server.stop();
}

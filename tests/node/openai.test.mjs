// The official Node package against the real server.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import OpenAI from 'openai';

const root = path.resolve(import.meta.dirname, '../..');
const binary = process.env.BOWHEAD_BIN ?? path.join(root, 'build/release/bowhead');
const cache = process.env.BOWHEAD_CACHE || path.join(homedir(), '.cache/bowhead');
const model = path.join(cache, 'models/SmolLM2-135M-Instruct.Q4_1.gguf');
const skip = existsSync(model) ? false : 'the default model is not in the cache folder; tools/fetch.py gets it';
const question = [{ role: 'user', content: 'What is the capital of France? Answer in one word.' }];

let server;
let client;
let url;

before(async () => {
  if (skip) return;
  server = spawn(binary, ['serve', model, '--port', '0', '--alias', 'smol', '--ctx', '4096'], { stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  server.stderr.on('data', (data) => (log += data));
  url = await new Promise((resolve, reject) => {
    let out = '';
    server.stdout.on('data', (data) => {
      out += data;
      const found = /is ready at (http:\S+)/.exec(out);
      if (found) resolve(found[1]);
    });
    server.on('exit', () => reject(new Error(`the server ended: ${log}`)));
  });
  client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 0, timeout: 120_000 });
});

after(async () => {
  if (!server) return;
  server.removeAllListeners('exit');
  const code = await new Promise((resolve) => {
    server.on('exit', resolve);
    server.kill('SIGTERM');
  });
  assert.equal(code, 0);
});

test('lists the model', { skip }, async () => {
  const { data } = await client.models.list();
  assert.deepEqual(data.map(({ id }) => id), ['smol']);
  assert.equal(data[0].bowhead.architecture, 'llama');
  assert.equal((await client.models.retrieve('default')).id, 'default');
});

test('chats', { skip }, async () => {
  const answer = await client.chat.completions.create({ model: 'smol', messages: question, temperature: 0, max_tokens: 20 });
  assert.match(answer.choices[0].message.content, /Paris/);
  assert.equal(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens);
});

test('streams the same text', { skip }, async () => {
  const parameters = { model: 'smol', messages: question, seed: 3, temperature: 0.9, max_tokens: 40 };
  const whole = await client.chat.completions.create(parameters);
  const stream = await client.chat.completions.create({ ...parameters, stream: true, stream_options: { include_usage: true } });
  let text = '';
  let usage = null;
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta?.content ?? '';
    usage = chunk.usage ?? usage;
  }
  assert.equal(text, whole.choices[0].message.content);
  assert.equal(usage.completion_tokens, whole.usage.completion_tokens);
});

test('gets embeddings', { skip }, async () => {
  const { data } = await client.embeddings.create({ model: 'smol', input: ['one', 'two'] }); // asks for base64
  assert.equal(data.length, 2);
  assert.equal(data[0].embedding.length, 576);
  const length = Math.hypot(...data[0].embedding);
  assert.ok(Math.abs(length - 1) < 1e-3, `length ${length}`);
});

test('cancels', { skip }, async () => {
  const stream = await client.chat.completions.create(
    { model: 'smol', messages: [{ role: 'user', content: 'Count to a thousand.' }], max_tokens: 3000, stream: true, ignore_eos: true });
  let chunks = 0;
  for await (const chunk of stream) {
    assert.ok(chunk.id);
    if (++chunks === 4) break; // aborts the request
  }
  for (let i = 0; i < 100; ++i) {
    const text = await (await fetch(`${url}/metrics`)).text();
    const running = Number(/^bowhead_requests_running\{[^}]*\} (\S+)$/m.exec(text)[1]);
    if (running === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail('the request still runs');
});

test('errors have the official types', { skip }, async () => {
  await assert.rejects(client.chat.completions.create({ model: 'smol', messages: question, temperature: 3 }),
    (error) => error instanceof OpenAI.BadRequestError && error.param === 'temperature');
  await assert.rejects(client.chat.completions.create({ model: 'nope', messages: question }),
    (error) => error instanceof OpenAI.NotFoundError && error.code === 'model_not_found');
});

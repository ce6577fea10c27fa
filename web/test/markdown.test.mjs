import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { close, load } from './load.mjs';

const { MarkdownStream, decodeEntities, safeHref } = await load('/src/lib/markdown/stream.ts');
after(close);

const SAMPLE = `Intro with **bold**, \`code\` and [a link](https://example.org).

# Heading

- one
- two

  still two
- three

1. first

2. second

| a | b |
| - | -: |
| 1 | 2 |

\`\`\`python
def f():
    return "# not a heading"

x = 1
\`\`\`

Setext
======

> quote
> more

<div onclick="evil()">html</div>

Last.
`;

const shape = (blocks) => blocks.map(({ token }) => [token.type, token.raw.trim()]);

test('text that grows by any steps ends in the same blocks as text that comes at once', () => {
  const whole = shape(new MarkdownStream().update(SAMPLE));
  for (const step of [1, 2, 3, 7, 40]) {
    const stream = new MarkdownStream();
    let blocks;
    for (let end = step; end < SAMPLE.length + step; end += step) blocks = stream.update(SAMPLE.slice(0, end));
    assert.deepEqual(shape(blocks), whole, `step ${step}`);
  }
});

test('finished blocks keep their identity and their tokens', () => {
  const stream = new MarkdownStream();
  const first = stream.update('A paragraph.\n\nAnother paragraph, long enough.\n');
  const second = stream.update('A paragraph.\n\nAnother paragraph, long enough.\n\nAnd a third one.\n');
  assert.equal(first[0].token, second[0].token);
  assert.deepEqual(first.map(({ id }) => id), [0, 1]);
  assert.deepEqual(second.map(({ id }) => id), [0, 1, 2]);
});

test('other text than before starts over', () => {
  const stream = new MarkdownStream();
  stream.update('# One\n\nA first paragraph here.\n\nThe end of it.\n');
  assert.deepEqual(shape(stream.update('Other')), [['paragraph', 'Other']]);
});

test('carriage returns do not move the borders', () => {
  const stream = new MarkdownStream();
  const text = 'One paragraph.\r\n\r\nTwo paragraphs.\r\n\r\nThree paragraphs.\r\n';
  let blocks;
  for (let end = 1; end <= text.length; end++) blocks = stream.update(text.slice(0, end));
  assert.deepEqual(shape(blocks).map(([, raw]) => raw), ['One paragraph.', 'Two paragraphs.', 'Three paragraphs.']);
});

test('an answer of ten thousand tokens is parsed once, not once per token', () => {
  const stream = new MarkdownStream();
  const text = 'A paragraph of the usual length, with **some** emphasis.\n\n'.repeat(900);
  const start = performance.now();
  for (let end = 5; end < text.length; end += 5) stream.update(text.slice(0, end));
  const spent = performance.now() - start;
  // Parsing the whole text at each of the 10,000 steps takes minutes.
  assert.ok(spent < 10_000, `${Math.round(spent)} ms`);
});

test('hostile paragraphs take bounded time', () => {
  for (const piece of ['[', '*a ', '**a', '`a', '![](', '<a ', '_*', '\\[', '&amp', '|', '~~a ', '[a](b']) {
    for (const length of [9_990, 40_000]) {
      const start = performance.now();
      new MarkdownStream().update(piece.repeat(length / piece.length));
      const spent = Math.round(performance.now() - start);
      assert.ok(spent < 2_000, `${JSON.stringify(piece)}: ${spent} ms for ${length} characters`);
    }
  }
});

test('nesting without end is cut before the stack is', () => {
  for (const piece of ['> ', '- ', '1. ', '**_', '[']) {
    const blocks = new MarkdownStream().update(`${piece.repeat(6_000)}x`);
    assert.ok(blocks.length > 0, piece);
  }
});

test('links go to the web and to mail only', () => {
  assert.equal(safeHref('https://example.org/a?b#c'), 'https://example.org/a?b#c');
  assert.equal(safeHref('mailto:a@example.org'), 'mailto:a@example.org');
  for (const href of ['javascript:alert(1)', ' java\nscript:alert(1)', 'JAVASCRIPT:alert(1)', 'data:text/html,x', 'vbscript:x', 'file:///etc/passwd', '/v1/models', '//evil', '', 'blob:https://a/b']) {
    assert.equal(safeHref(href), null, href);
  }
});

test('character references become characters, and nothing else', () => {
  assert.equal(decodeEntities('a &lt;b&gt; &amp;amp; &#65; &#x4e2d; &nbsp;'), 'a <b> &amp; A 中 \u00a0');
  for (const text of ['&unknown;', '&#0;', '&#xd800;', '&#9999999;', '& lt;', '&constructor;', '&__proto__;']) {
    assert.equal(decodeEntities(text), text);
  }
});

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { close, load } from './load.mjs';

const { readEvents } = await load('/src/lib/sse.ts');
const { splitThinking } = await load('/src/lib/think.ts');
const { Highlighter } = await load('/src/lib/highlight/index.ts');
const { ALIASES, GRAMMARS } = await load('/src/lib/highlight/languages.ts');
const { en } = await load('/src/lib/text/en.ts');
const { zh } = await load('/src/lib/text/zh.ts');
after(close);

function streamOf(bytes, size) {
  return new ReadableStream({
    start(controller) {
      for (let at = 0; at < bytes.length; at += size) controller.enqueue(bytes.slice(at, at + size));
      controller.close();
    },
  });
}

test('events are the same wherever the bytes are cut', async () => {
  const text = 'data: {"a":"中文 😀"}\r\n\r\n: a comment\r\ndata:no space\n\nevent: x\ndata: two\ndata: lines\n\r\n\rdata: cr\r\rdata: unfinished';
  const bytes = new TextEncoder().encode(text);
  for (let size = 1; size <= bytes.length; size++) {
    const events = [];
    for await (const data of readEvents(streamOf(bytes, size))) events.push(data);
    assert.deepEqual(events, ['{"a":"中文 😀"}', 'no space', 'two\nlines', 'cr'], `pieces of ${size}`);
  }
});

test('thoughts are told from the answer', () => {
  const cases = [
    ['<think>\nhm\n</think>\n\nYes.', 'hm', 'Yes.', false],
    ['  <think>hm</think>Yes', 'hm', 'Yes', false],
    ['hm\n</think>\nYes', 'hm', 'Yes', false], // the template wrote the opening tag
    ['<think>still at it', 'still at it', '', true],
    ['<thi', '', '', false],
    ['<thin air', '', '<thin air', false],
    ['Use <think> like <think>x</think>', '', 'Use <think> like <think>x</think>', false],
    ['plain', '', 'plain', false],
    ['', '', '', false],
  ];
  for (const [text, reasoning, content, open] of cases) assert.deepEqual(splitThinking(text), { reasoning, content, open }, text);
});

const colour = (language, text) => {
  const highlighter = new Highlighter(language);
  return text.split('\n').map((line) => highlighter.line(line));
};
const classOf = (language, text, piece) => colour(language, text).flat().find(([, part]) => part.includes(piece))?.[0];

test('code keeps every character', () => {
  const text = 'a "b\\" c" \'d\' `e` // f /* g\n\t#h --i <j k="l"> &m; @n $o ${p} 0x1F 1.5e3 中 \u0000 \\';
  for (const language of [...Object.keys(GRAMMARS), ...Object.keys(ALIASES), 'unknown', '', 'constructor', '__proto__']) {
    assert.equal(colour(language, text).map((spans) => spans.map(([, part]) => part).join('')).join('\n'), text, language);
  }
});

test('each language is coloured where it counts', () => {
  const cases = [
    ['python', 'def f(): # note', 'def', 'keyword'], ['python', 'x = """a\nb"""', 'b', 'string'], ['ts', 'const a: string = `x\ny`', 'y', 'string'],
    ['js', 'return null', 'null', 'literal'], ['cpp', '#include <vector>\nint x;', '#include', 'meta'], ['c', '/* a\nb */ int', 'b', 'comment'],
    ['json', '{"key": "value"}', 'key', 'name'], ['json', '{"key": "value"}', 'value', 'string'], ['bash', 'echo "$HOME" # hi', '# hi', 'comment'],
    ['sql', 'select * from t -- x', 'select', 'keyword'], ['go', 'func main() {}', 'func', 'keyword'], ['rust', "fn f<'a>(x: &'a str) {}", "'a", 'type'],
    ['java', '@Override public void f()', '@Override', 'meta'], ['yaml', 'name: value # x', 'name', 'name'], ['css', '.a { color: #fff; }', '.a', 'type'],
    ['html', '<p class="x">hi</p>', 'class', 'name'], ['html', '<!-- a\nb -->', 'b', 'comment'],
  ];
  for (const [language, text, piece, expected] of cases) assert.equal(classOf(language, text, piece), expected, `${language}: ${text}`);
});

test('lines without end cost no more than their length', () => {
  for (const language of Object.keys(GRAMMARS)) {
    for (const piece of ['"', "'", '`', '/*', '/a', '<', '#', '${', '\\', 'a ', 'a:', 'A b: ', '@a', '-', '(', '/[']) {
      const text = piece.repeat(1000 / piece.length);
      // The best of three: the first run compiles the patterns, and the machine may be busy.
      const spent = Math.min(...[1, 2, 3].map(() => {
        const start = performance.now();
        new Highlighter(language).line(text);
        return performance.now() - start;
      }));
      assert.ok(spent < 50, `${language} ${piece}: ${spent} ms`);
    }
    assert.equal(new Highlighter(language).line('x'.repeat(100_000)).length, 1);
  }
});

test('both languages say the same things', () => {
  const blanks = (text) => [...text.matchAll(/\{\w+\}/g)].map(String).sort();
  for (const key of Object.keys(en)) {
    assert.ok(zh[key]?.trim(), key);
    assert.deepEqual(blanks(zh[key]), blanks(en[key]), key);
  }
  assert.deepEqual(Object.keys(zh).filter((key) => !(key in en)), []);
});

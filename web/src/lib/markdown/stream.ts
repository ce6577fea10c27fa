import { Lexer, type Token } from 'marked';

// Inline parsing of one paragraph is not linear in the worst case; a longer one is shown as it is.
const MAX_INLINE_CHARACTERS = 20_000;

/** A top-level block. Its identity is its id: a finished block never changes. */
export interface Block {
  id: number;
  token: Token;
  /** The text goes on: an unclosed code fence may still grow. */
  last: boolean;
}

/**
 * Markdown that grows at its end. Blocks that later text can no longer change are kept; only the rest is parsed again,
 * so that a long answer costs linear time.
 */
export class MarkdownStream {
  #text = '';
  #frozen: Block[] = [];
  #frozenLength = 0;
  #nextId = 0;

  /** The blocks of `text`, which usually is the former text with something added. */
  update(text: string): Block[] {
    const normal = text.includes('\r') ? text.replace(/\r\n?/g, '\n') : text;
    if (!normal.startsWith(this.#text)) this.#reset();
    this.#text = normal;
    const rest = normal.slice(this.#frozenLength);
    const tokens = lex(rest);
    this.#freeze(tokens);
    const tail = tokens.filter((token) => token.type !== 'space' && token.type !== 'def');
    return [
      ...this.#frozen,
      ...tail.map((token, index) => ({ id: this.#nextId + index, token, last: index === tail.length - 1 })),
    ];
  }

  #reset(): void {
    this.#frozen = [];
    this.#frozenLength = 0;
  }

  /** Moves what is final out of `tokens`: all before the last block, once that one is certainly a block of its own. */
  #freeze(tokens: Token[]): void {
    let end = tokens.length - 1;
    while (end >= 0 && tokens[end]!.type === 'space') end--;
    const last = tokens[end];
    // "-" or "1" may be a paragraph now and the next item of the list before it in a moment.
    if (end < 1 || !last || (last.raw.length < 12 && !last.raw.includes('\n'))) return;
    const done = tokens.splice(0, end);
    for (const token of done) {
      this.#frozenLength += token.raw.length;
      if (token.type !== 'space' && token.type !== 'def') {
        this.#frozen.push({ id: this.#nextId++, token, last: false });
      }
    }
  }
}

function lex(text: string): Token[] {
  const lexer = new Lexer({ gfm: true, breaks: false });
  const tokens = lexer.blockTokens(text, []);
  for (const job of lexer.inlineQueue) {
    if (job.src.length > MAX_INLINE_CHARACTERS) job.tokens.push({ type: 'text', raw: job.src, text: job.src });
    else lexer.inlineTokens(job.src, job.tokens);
  }
  lexer.inlineQueue = [];
  return tokens;
}

const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: '\u00a0', copy: '©', hellip: '…', mdash: '—', ndash: '–', times: '×' };

/** The few character references that models write; the result goes into a text node and nowhere else. */
export function decodeEntities(text: string): string {
  if (!text.includes('&')) return text;
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z]{2,6}));/gi, (all, decimal, hex, name) => {
    if (name) return ENTITIES[name as string] ?? all;
    const code = decimal ? Number(decimal) : parseInt(hex as string, 16);
    return code > 0 && code <= 0x10ffff && !(code >= 0xd800 && code < 0xe000) ? String.fromCodePoint(code) : all;
  });
}

/** The address if a link may go there, or null: only the web and mail, never javascript: or data:. */
export function safeHref(href: string): string | null {
  try {
    const url = new URL(href);
    return ['http:', 'https:', 'mailto:'].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

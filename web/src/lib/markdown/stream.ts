import { Lexer, type Token, type TokensList } from 'marked';

// Inline parsing of one paragraph is not linear in the worst case; a longer one is shown as it is.
const MAX_INLINE_CHARACTERS = 10_000;
// Quotes in quotes in lists: deeper than anybody writes, far from the end of the stack.
const MAX_DEPTH = 24;

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

/** A lexer that shows as text what is nested too deep or too long to parse in good time. */
class BoundedLexer extends Lexer {
  #depth = 0;

  override blockTokens(text: string, tokens?: Token[], clipped?: boolean): Token[];
  override blockTokens(text: string, tokens?: TokensList, clipped?: boolean): TokensList;
  override blockTokens(text: string, tokens: Token[] = [], clipped?: boolean): Token[] {
    return this.#bounded(text, tokens, MAX_DEPTH, () => super.blockTokens(text, tokens, clipped));
  }

  override inlineTokens(text: string, tokens: Token[] = []) {
    const limit = text.length > MAX_INLINE_CHARACTERS ? 0 : MAX_DEPTH;
    return this.#bounded(text, tokens, limit, () => super.inlineTokens(text, tokens));
  }

  #bounded<T extends Token[]>(text: string, tokens: Token[], limit: number, parse: () => T): T {
    if (this.#depth >= limit) {
      tokens.push({ type: 'text', raw: text, text });
      return tokens as T;
    }
    this.#depth++;
    const result = parse();
    this.#depth--;
    return result;
  }
}

function lex(text: string): Token[] {
  const lexer = new BoundedLexer({ gfm: true, breaks: false });
  const tokens = lexer.blockTokens(text, []);
  for (const { src, tokens: into } of lexer.inlineQueue) lexer.inlineTokens(src, into);
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

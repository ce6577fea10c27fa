import { ALIASES, GRAMMARS, type Class } from './languages';

export { languageName } from './languages';

/** A piece of a line and how it is coloured. */
export type Span = readonly [Class, string];

// Colours are for reading; a line that nobody reads is not worth a pattern's worst case.
const MAX_LINE = 1000;

/** Colours code line by line, so that code which is still being written costs only its new lines. */
export class Highlighter {
  #state = 'main';
  readonly #grammar;

  constructor(language: string) {
    const name = ALIASES[language] ?? language;
    this.#grammar = Object.hasOwn(GRAMMARS, name) ? GRAMMARS[name] : undefined;
  }

  /** The spans of the next line (without its end). Moves on unless `peek`. */
  line(text: string, peek = false): Span[] {
    const grammar = this.#grammar;
    if (!grammar || text.length > MAX_LINE) return [['', text]];
    let state = this.#state;
    const spans: Span[] = [];
    let at = 0;
    while (at < text.length) {
      let matched: Span | null = null;
      for (const { pattern, class: name, to } of grammar[state]!) {
        pattern.lastIndex = at;
        const found = pattern.exec(text);
        if (!found || found[0] === '') continue;
        matched = [name, found[0]];
        if (to !== undefined) state = to;
        break;
      }
      matched ??= ['', text[at]!];
      at += matched[1].length;
      const before = spans.at(-1);
      if (before && before[0] === matched[0]) spans[spans.length - 1] = [before[0], before[1] + matched[1]];
      else spans.push(matched);
    }
    if (!peek) this.#state = state;
    return spans;
  }
}

/** An answer's text taken apart: what the model thought aloud, and what it says. */
export interface Split {
  reasoning: string;
  content: string;
  /** The thinking has not ended yet. */
  open: boolean;
}

const OPEN = '<think>';
const CLOSE = '</think>';

/**
 * Reasoning models wrap their thoughts in <think>…</think> at the start of an answer. Some templates write the opening
 * tag into the prompt, so that the answer shows only the closing one.
 */
export function splitThinking(text: string): Split {
  const start = text.length - text.trimStart().length;
  const opens = text.startsWith(OPEN, start);
  const close = text.indexOf(CLOSE, start);
  if (close >= 0 && (opens || !text.slice(0, close).includes(OPEN))) {
    return {
      reasoning: text.slice(opens ? start + OPEN.length : 0, close).trim(),
      content: text.slice(close + CLOSE.length).trimStart(),
      open: false,
    };
  }
  if (opens) return { reasoning: text.slice(start + OPEN.length).trimStart(), content: '', open: true };
  // Half of an opening tag: not yet text that a person should see.
  const head = text.slice(start);
  if (head !== '' && head.length < OPEN.length && OPEN.startsWith(head)) return { reasoning: '', content: '', open: false };
  return { reasoning: '', content: text, open: false };
}

/**
 * Server-sent events out of a response body (WHATWG HTML, 9.2.6), as far as the API uses them: yields the data of each
 * event. Lines and characters may be cut anywhere between two chunks.
 */
export async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  let data: string[] = [];
  try {
    for (;;) {
      const { done, value } = await reader.read();
      rest += done ? decoder.decode() : decoder.decode(value, { stream: true });
      let from = 0;
      for (;;) {
        const match = nextLineEnd(rest, from, done);
        if (!match) break;
        const line = rest.slice(from, match.start);
        from = match.end;
        if (line === '') {
          if (data.length > 0) yield data.join('\n');
          data = [];
        } else if (line.startsWith('data:')) {
          data.push(line.charAt(5) === ' ' ? line.slice(6) : line.slice(5));
        }
      }
      rest = rest.slice(from);
      if (done) return;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

function nextLineEnd(text: string, from: number, last: boolean): { start: number; end: number } | null {
  for (let i = from; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 10) return { start: i, end: i + 1 };
    if (c === 13) {
      if (i + 1 === text.length && !last) return null; // the \n of this \r may still come
      return { start: i, end: text.charCodeAt(i + 1) === 10 ? i + 2 : i + 1 };
    }
  }
  return null;
}

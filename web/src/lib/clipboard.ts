/** Puts text on the clipboard; also where the page is not a secure context and the browser offers only the old way. */
export async function copyText(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const before = document.activeElement as HTMLElement | null;
    const area = document.createElement('textarea');
    area.value = text;
    area.className = 'sr';
    document.body.append(area);
    area.select();
    document.execCommand('copy');
    area.remove();
    before?.focus();
  }
}

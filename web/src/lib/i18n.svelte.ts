import { en, type Key } from './text/en';
import { zh } from './text/zh';

export type Language = 'en' | 'zh';

const TEXTS: Record<Language, Record<Key, string>> = { en, zh };
const TAGS: Record<Language, string> = { en: 'en', zh: 'zh-Hans' };

/** The language that the browser asks for first among ours. */
export function browserLanguage(): Language {
  for (const tag of navigator.languages ?? [navigator.language]) {
    if (/^zh\b/i.test(tag)) return 'zh';
    if (/^en\b/i.test(tag)) return 'en';
  }
  return 'en';
}

let current = $state<Language>('en');

export function language(): Language {
  return current;
}

export function setLanguage(value: Language): void {
  current = value;
  document.documentElement.lang = TAGS[value];
}

/** The text of `key`, with {name} replaced by values. */
export function t(key: Key, values: Record<string, string | number> = {}): string {
  return TEXTS[current][key].replace(/\{(\w+)\}/g, (all, name: string) => String(values[name] ?? all));
}

export function number(value: number, digits = 0): string {
  return value.toLocaleString(TAGS[current], { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** "135M", "7.6B": how people name the size of a model. */
export function parameterCount(value: number): string {
  if (value >= 1e9) return `${number(value / 1e9, 1)}B`;
  return value >= 1e6 ? `${number(value / 1e6)}M` : number(value);
}

export function bytes(value: number): string {
  return value >= 1 << 30 ? `${number(value / (1 << 30), 1)} GiB` : `${number(value / (1 << 20))} MiB`;
}

export function seconds(ms: number): string {
  if (ms < 1000) return `${number(ms)} ms`;
  return `${number(ms / 1000, ms < 10_000 ? 2 : 1)} s`;
}

/** A day as a heading of the list of conversations. */
export function dayName(time: number): string {
  const midnight = new Date().setHours(0, 0, 0, 0);
  const days = Math.ceil((midnight - time) / 86_400_000);
  if (days <= 0) return t('today');
  if (days === 1) return t('yesterday');
  if (days <= 7) return t('lastWeek');
  return new Date(time).toLocaleDateString(TAGS[current], { year: 'numeric', month: 'long' });
}

import { browserLanguage, setLanguage, type Language } from './i18n.svelte';
import type { Parameters } from './types';

const KEY = 'bowhead.settings';

/** Good for talking with small models, which wander off at the API's own defaults. */
export const DEFAULT_PARAMETERS: Parameters = {
  temperature: 0.7,
  top_p: 0.95,
  top_k: null,
  max_tokens: null,
  seed: null,
  stop: [],
};

interface Settings {
  theme: 'system' | 'light' | 'dark';
  /** null: as the browser. */
  language: Language | null;
  model: string;
  sidebar: boolean;
  parameters: Parameters;
}

export const settings: Settings = $state({ theme: 'system', language: null, model: '', sidebar: true, parameters: { ...DEFAULT_PARAMETERS, stop: [] } });

/** Reads what was kept. A broken store counts as empty. */
export function loadSettings(): void {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? '{}') as Partial<Settings>;
    if (kept.theme === 'light' || kept.theme === 'dark') settings.theme = kept.theme;
    if (kept.language === 'en' || kept.language === 'zh') settings.language = kept.language;
    if (typeof kept.model === 'string') settings.model = kept.model;
    if (typeof kept.sidebar === 'boolean') settings.sidebar = kept.sidebar;
    for (const name of ['temperature', 'top_p', 'top_k', 'max_tokens', 'seed'] as const) {
      const value = kept.parameters?.[name];
      if (value === null || (typeof value === 'number' && Number.isFinite(value))) settings.parameters[name] = value;
    }
    const stop = kept.parameters?.stop;
    if (Array.isArray(stop)) settings.parameters.stop = stop.filter((text) => typeof text === 'string').slice(0, 16);
  } catch {
    // The defaults are fine.
  }
}

/** Keeps the settings and applies theme and language; call inside an effect. */
export function applySettings(): void {
  const root = document.documentElement;
  if (settings.theme === 'system') delete root.dataset.theme;
  else root.dataset.theme = settings.theme;
  setLanguage(settings.language ?? browserLanguage());
  try {
    localStorage.setItem(KEY, JSON.stringify(settings));
  } catch {
    // No storage: they last as long as the page.
  }
}

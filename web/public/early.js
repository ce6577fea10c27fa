// Runs before the first paint, so that a chosen theme or language does not flash in late.
try {
  const settings = JSON.parse(localStorage.getItem('bowhead.settings') || '{}');
  const root = document.documentElement;
  if (settings.theme === 'light' || settings.theme === 'dark') root.dataset.theme = settings.theme;
  if (settings.language === 'zh' || (!settings.language && /^zh/i.test(navigator.language))) root.lang = 'zh-Hans';
} catch {
  // A blocked or broken store: the defaults are fine.
}

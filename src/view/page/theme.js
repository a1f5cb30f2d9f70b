// Light and dark: which of them, and the colours of the style sheet for what is drawn.

const NAMES = ['ground', 'band', 'line', 'rule', 'text', 'dim', 'faint', 'event', 'debug', 'info', 'warning', 'error', 'critical',
  'handed', 'started', 'wait', 'wait-line', 'stuck', 'stuck-line', 'idle', 'chosen', 'hit', 'accent'];

/** The colours by name, as the style sheet has them now. */
export function colours() {
  const style = getComputedStyle(document.documentElement);
  return Object.fromEntries(NAMES.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}

export function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
}

export function switchTheme() {
  document.documentElement.dataset.theme = isDark() ? 'light' : 'dark';
}

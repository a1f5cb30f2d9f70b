// Asking the server that gave the page. The token of the URL that it printed is sent with each question.
//
// The browser keeps the token for this very address and port, also for further tabs, and sends it nowhere by itself, as it would a
// cookie. What is kept when the server has ended opens nothing any more.

const KEPT = 'logq-token';

function tokenOfAddress() {
  return /^#token=([0-9a-f]+)$/.exec(location.hash)?.[1] ?? null;
}

/** Takes the token out of the address bar. Where nothing may be kept, it holds for this page only. */
function takeToken() {
  const said = tokenOfAddress();
  try {
    if (said === null) return localStorage.getItem(KEPT) ?? '';
    localStorage.setItem(KEPT, said);
  } catch { /* a browser that keeps nothing */ }
  history.replaceState(null, '', location.pathname);
  return said ?? '';
}

const TOKEN = takeToken();
// Another server's URL in a tab that shows this page: a new fragment alone loads nothing.
addEventListener('hashchange', () => { if (tokenOfAddress() !== null) location.reload(); });

/** Asks; `options` are those of `fetch`. */
export function asked(path, options = {}) {
  return fetch(path, { cache: 'no-store', ...options, headers: { ...options.headers, Authorization: `Bearer ${TOKEN}` } });
}

/** What an event source opens: it can send no header. */
export function withToken(path, words) {
  return `${path}?${new URLSearchParams([...words, ['token', TOKEN]])}`;
}

// The API as the page asks it: one key, one form of failure, and a short memory so that going back is at once.

const KEY = "recommender.key";
const REMEMBERED = 40;
const FRESH_MS = 60_000;

const answers = new Map();

/** What went wrong: the HTTP status (0: no answer at all), what the service says about it, and SKUs that may be meant. */
class Problem extends Error {
  constructor(status, detail, type = "", nearest = []) {
    super(detail);
    this.status = status;
    this.type = type;
    this.nearest = nearest;
  }
}

export const keepKey = (key) => sessionStorage.setItem(KEY, key);

export const forgetAnswers = () => answers.clear();

/** GET a path with parameters; an answer of the last minute comes from memory. Rejects with `Problem`, or when aborted. */
export async function get(path, query = new URLSearchParams(), { signal, remember = true } = {}) {
  const text = query.toString();
  const address = text ? `${path}?${text}` : path;
  const known = answers.get(address);
  if (remember && known && performance.now() - known.at < FRESH_MS) return known.data;
  const data = await send(address, { signal });
  if (remember) note(address, data);
  return data;
}

function note(address, data) {
  answers.delete(address);
  answers.set(address, { data, at: performance.now() });
  if (answers.size > REMEMBERED) answers.delete(answers.keys().next().value);
}

export const post = (path, body) =>
  send(path, { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } });

export const remove = (path) => send(path, { method: "DELETE" });

/** GET that waits while the service says 202: asked again after what it names, until it is done. */
export async function getWhenReady(path, query, { signal, waiting = () => {} }) {
  for (;;) {
    const response = await ask(`${path}?${query}`, { signal });
    if (response.status !== 202) return response.json();
    waiting();
    await pause(1000 * (Number(response.headers.get("Retry-After")) || 1), signal);
  }
}

const pause = (ms, signal) =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => (clearTimeout(timer), reject(signal.reason)), { once: true });
  });

async function send(address, options) {
  const response = await ask(address, options);
  return response.status === 204 ? null : response.json();
}

async function ask(address, { headers = {}, ...options }) {
  const key = sessionStorage.getItem(KEY);
  const sent = { Accept: "application/json", ...headers, ...(key ? { Authorization: `Bearer ${key}` } : {}) };
  let response;
  try {
    response = await fetch(address, { ...options, headers: sent, cache: "no-store", credentials: "omit" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, "The service does not answer.");
  }
  if (!response.ok) throw await problem(response);
  return response;
}

async function problem(response) {
  const said = await response.json().catch(() => ({}));
  const detail = typeof said.detail === "string" ? said.detail : said.title;
  const nearest = Array.isArray(said.nearest) ? said.nearest.map(String) : [];
  const told = detail || `The service answered ${response.status}.`;
  return new Problem(response.status, told, String(said.type ?? ""), nearest);
}

/** Runs one piece of work at a time: a new one aborts the one before, whose end nobody hears of. */
export class Latest {
  #controller = new AbortController();

  /** Run `work(signal)`; resolves to undefined when a newer one took its place meanwhile. */
  async run(work) {
    this.stop();
    const controller = (this.#controller = new AbortController());
    try {
      const result = await work(controller.signal);
      return controller.signal.aborted ? undefined : { result };
    } catch (error) {
      if (controller.signal.aborted) return undefined;
      return { error };
    }
  }

  stop() {
    this.#controller.abort();
  }
}

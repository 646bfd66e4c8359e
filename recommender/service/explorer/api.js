// The API as the page asks it: one key, one form of failure, and a short memory so that going back is at once.

import { useLayoutEffect, useState } from "./vendor/preact.js";

const KEY = "recommender.key";
const REMEMBERED = 40;
const FRESH_MS = 60_000;

const answers = new Map();

/** What went wrong: the HTTP status (0: no answer at all), what the service says, and SKUs that may be meant. */
class Problem extends Error {
  /** @param {number} status @param {string} detail @param {string} type @param {string[]} nearest */
  constructor(status, detail, type = "", nearest = []) {
    super(detail);
    this.status = status;
    this.type = type;
    this.nearest = nearest;
  }
}

export const keepKey = (key) => sessionStorage.setItem(KEY, key);

export const forgetAnswers = () => answers.clear();

/**
 * GET an address; an answer of the last minute comes from memory. While the service says 202 it is asked again after
 * what it names, until it is done. Rejects with `Problem`, or when aborted.
 * @param {string} address @param {{ signal?: AbortSignal, remember?: boolean, waiting?: () => void }} options
 */
export async function get(address, { signal, remember = true, waiting } = {}) {
  const known = answers.get(address);
  if (remember && known && performance.now() - known.at < FRESH_MS) return known.data;
  let response = await send(address, { signal });
  while (response.status === 202) {
    waiting?.();
    const seconds = Number(response.headers.get("Retry-After")) || 1;
    await new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
    signal?.throwIfAborted();
    response = await send(address, { signal });
  }
  const data = await response.json();
  if (remember) {
    answers.delete(address);
    answers.set(address, { data, at: performance.now() });
    if (answers.size > REMEMBERED) answers.delete(answers.keys().next().value);
  }
  return data;
}

const writer = (method) => async (path, body) => {
  const headers = { "Content-Type": "application/json" };
  return (await send(path, { method, body: JSON.stringify(body), headers })).json();
};

export const post = writer("POST");
export const put = writer("PUT");

export const remove = (path) => send(path, { method: "DELETE" });

/** @param {string} address @param {RequestInit} options */
async function send(address, { headers = {}, ...options }) {
  const key = sessionStorage.getItem(KEY);
  const sent = { Accept: "application/json", ...headers, ...(key ? { Authorization: `Bearer ${key}` } : {}) };
  let response;
  try {
    response = await fetch(address, { ...options, headers: sent, cache: "no-store", credentials: "omit" });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Problem(0, "The service does not answer.");
  }
  if (response.ok) return response;
  const said = await response.json().catch(() => ({}));
  const detail = typeof said.detail === "string" ? said.detail : said.title;
  const nearest = Array.isArray(said.nearest) ? said.nearest.map(String) : [];
  const told = detail || `The service answered ${response.status}.`;
  throw new Problem(response.status, told, String(said.type ?? ""), nearest);
}

/**
 * Load what `key` names: `load(signal)` is called anew when the key changes, and an older call is aborted, so the last
 * one wins. What was loaded stays until the next is there. An empty key loads nothing.
 * @param {any} app @param {string} key @param {(signal: AbortSignal) => Promise<any>} load
 */
export function useLoaded(app, key, load) {
  /** @type {{key: string, data: any, error: any}} */
  const nothing = { key: "", data: null, error: null };
  const [loaded, setLoaded] = useState(nothing);
  useLayoutEffect(() => {
    if (!key) return;
    const controller = new AbortController();
    const { signal } = controller;
    const settle = (data, error) => {
      if (signal.aborted) return;
      app.busy(-1);
      controller.abort();
      if (error) app.failed(error);
      else app.answered();
      setLoaded((before) => ({ key, data: error ? before.data : data, error }));
    };
    app.busy(+1);
    load(signal).then(
      (data) => settle(data, null),
      (error) => settle(null, error),
    );
    return () => {
      if (!signal.aborted) app.busy(-1);
      controller.abort();
    };
  }, [key, app.round]);
  const change = (changes) => setLoaded((before) => ({ ...before, data: { ...before.data, ...changes } }));
  return { ...loaded, fresh: loaded.key === key, change };
}

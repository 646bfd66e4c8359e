// The search box: results follow the typing, with suggestions below it (the combobox pattern of WAI-ARIA).

import { get } from "./api.js";
import { leaf, number, path } from "./format.js";
import { Icon } from "./parts.js";
import { noFilters, PAGE } from "./state.js";
import { html, useLayoutEffect, useMemo, useRef, useState } from "./vendor/preact.js";

const THROTTLE_MS = 60;
const SUGGESTED = 8;

/** Return a function that does `work` at once, then at most every `ms`, and surely once more for the last call. */
function throttle(work, ms) {
  let timer = 0;
  let last = -Infinity;
  const run = () => {
    timer = 0;
    last = performance.now();
    work();
  };
  const call = () => {
    const rest = last + ms - performance.now();
    if (rest <= 0 && !timer) run();
    else timer ||= setTimeout(run, rest);
  };
  const cancel = () => {
    clearTimeout(timer);
    timer = 0;
  };
  return { call, cancel };
}

export function SearchBox({ app, state }) {
  const box = useRef(/** @type {any} */ (null));
  const sent = useRef("");
  const asking = useRef(/** @type {AbortController | null} */ (null));
  // Whether arrow down was pressed before the suggestions for what was typed were there.
  const entering = useRef(false);
  const [listed, setListed] = useState(/** @type {any[]} */ ([]));
  const [at, setAt] = useState(-1);

  const close = () => {
    asking.current?.abort();
    asking.current = null;
    entering.current = false;
    setListed([]);
    setAt(-1);
  };
  const search = (typing) => {
    const q = box.current.value;
    sent.current = q;
    app.search(q, typing);
  };
  const suggest = async () => {
    asking.current?.abort();
    const text = box.current.value.trim();
    if (!text) return close();
    const { signal } = (asking.current = new AbortController());
    // A text that is too long to be completed, or a service that is away, has no suggestions; the search says why.
    const query = new URLSearchParams({ text, limit: String(SUGGESTED) });
    const said = await get(`v1/suggestions?${query}`, { signal }).catch(() => null);
    if (signal.aborted || document.activeElement !== box.current) return;
    asking.current = null;
    const found = (said?.suggestions ?? []).filter((one) => one.kind !== "words" || one.text !== text);
    const waited = entering.current;
    setListed(found);
    // Who went into the list before it, which was of fewer letters, is in this one too.
    setAt((now) => (found.length && (waited || now >= 0) ? 0 : -1));
    if (waited && !found.length) toCards();
    entering.current = false;
  };
  const toCards = () => /** @type {any} */ (document.querySelector("main .card-link"))?.focus();
  // The throttle outlives this drawing; what it does is that of the latest one.
  const typed = useRef(() => {});
  typed.current = () => {
    search(true);
    suggest();
  };
  const typing = useMemo(() => throttle(() => typed.current(), THROTTLE_MS), []);
  useLayoutEffect(() => {
    // The text changed elsewhere: by a link, a chip, or the way back.
    if (state.q === sent.current) return;
    typing.cancel();
    close();
    box.current.value = sent.current = state.q;
  }, [state.q]);

  const enter = () => {
    typing.cancel();
    search(false);
    close();
  };
  const choose = (one) => {
    typing.cancel();
    const place = { category: { category: [path(one.category)] }, brand: { brand: [one.text] } }[one.kind];
    close();
    if (place) return app.go({ ...noFilters(), ...place, q: "", sku: "", view: "", shown: PAGE });
    box.current.value = one.text;
    search(false);
  };
  const onKeyDown = (event) => {
    const steps = { ArrowDown: 1, ArrowUp: -1 };
    if (event.isComposing) return;
    if (event.key in steps && listed.length) {
      event.preventDefault();
      // Before the first and after the last is the box itself.
      setAt(((at + 1 + steps[event.key] + listed.length + 1) % (listed.length + 1)) - 1);
    } else if (event.key === "ArrowDown") {
      event.preventDefault();
      if (asking.current) entering.current = true;
      else toCards();
    } else if (event.key === "Enter" && at >= 0) {
      event.preventDefault();
      choose(listed[at]);
    } else if (event.key === "Escape" && listed.length) {
      event.preventDefault();
      event.stopPropagation();
      close();
    } else if (event.key === "Escape" && !box.current.value) box.current.blur();
    else if (event.key === "Tab") close();
  };
  return html`
    <form class="search" role="search" onSubmit=${(event) => (event.preventDefault(), enter())}>
      <label class="unseen" for="search">Search the catalogue</label>
      <${Icon} name="search" />
      <input id="search" type="search" name="q" ref=${box} placeholder="Search the catalogue" dir="auto"
        autocomplete="off" autocapitalize="off"
        spellcheck=${false} maxlength="2000" enterkeyhint="search" aria-keyshortcuts="/" role="combobox"
          aria-autocomplete="list"
        aria-expanded=${String(listed.length > 0)} aria-controls="suggestions"
          aria-activedescendant=${at >= 0 ? `suggestion-${at}` : undefined}
        onInput=${() => (setAt(-1), typing.call())} onKeyDown=${onKeyDown} onBlur=${close} />
      <kbd aria-hidden="true">/</kbd>
      <ul class="suggestions" id="suggestions" role="listbox" aria-label="Suggestions" hidden=${!listed.length}>
        ${listed.map(
          (one, place) => html`
            <li key=${`${one.kind} ${one.text}`} id=${`suggestion-${place}`} role="option" class="suggestion"
              aria-selected=${String(place === at)}
              title=${[one.kind === "category" ? leaf(one.category) : one.text, under(one)].filter(Boolean).join(" ")}
              onMouseDown=${(event) => event.preventDefault()} onClick=${() => choose(one)}>
              <span class="suggestion-text" dir="auto">${one.kind === "category" ? leaf(one.category) : one.text}</span>
              <span class="muted" dir="auto">${under(one)}</span>
              <span class="count">${number(one.count)}</span>
            </li>`,
        )}
      </ul>
    </form>`;
}

/** What stands beside a suggestion: that it is a brand, or what a category is below. */
function under({ kind, category }) {
  if (kind === "category") return category.length > 1 ? `in ${path(category.slice(0, -1))}` : "category";
  return kind === "brand" ? "brand" : "";
}

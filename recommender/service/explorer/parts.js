// The small parts that every view is made of. Text goes in as text alone: no text of a catalogue is read as markup.

import { departmentColour } from "./colours.js";
import { initials } from "./format.js";
import { html, useLayoutEffect, useRef, useState } from "./vendor/preact.js";

const ICONS = {
  close: "M6 6l12 12M18 6L6 18",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  filter: "M4 6h16M7 12h10M10 18h4",
  minus: "M6 12h12",
  plus: "M6 12h12M12 6v12",
  home: "M4 4h6v6H4zM14 4h6v6h-6zM4 14h6v6H4zM14 14h6v6h-6z",
  out: "M9 5H5v14h14v-4M13 5h6v6M19 5l-9 9",
  search: "M11 4.5a6.5 6.5 0 1 0 0 13a6.5 6.5 0 1 0 0-13M16 16l4.5 4.5",
  moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5Z",
};

export const Icon = ({ name, size = 18 }) =>
  html`<svg class="icon" viewBox="0 0 24 24" width=${size} height=${size} aria-hidden="true">
  <path d=${ICONS[name]} /></svg>`;

/** A link within the page: the app takes clicks on `data-go` over. */
export const Go = ({ children, ...rest }) => html`<a data-go="" dir="auto" ...${rest}>${children}</a>`;

const MODES = [
  ["hybrid", "Hybrid", "Meaning and words together"],
  ["dense", "Meaning", "The model's vectors alone"],
  ["lexical", "Words", "Words alone (BM25)"],
];

/** A row of radio buttons for how products are found. */
export const ModeSwitch = ({ app, state, name }) => html`
  <fieldset class="segments">
    <legend class="unseen">How products are found</legend>
    ${MODES.map(([value, label, title]) => {
      const id = `${name}-${value}`;
      return html`<input type="radio" name=${name} id=${id} value=${value} checked=${state.mode === value}
          onChange=${() => app.go({ mode: value }, { replace: true })} />
        <label for=${id} title=${title}>${label}</label>`;
    })}
  </fieldset>`;

/** A labelled checkbox that looks like a switch. */
export const Toggle = ({ id, label, value, change, hint = undefined }) => html`
  <label class="toggle" for=${id} title=${hint}>
    <input type="checkbox" id=${id} role="switch" checked=${value}
      onChange=${(event) => change(event.target.checked)} />
    <span class="track" aria-hidden="true"></span><span>${label}</span>
  </label>`;

export const ExplainToggle = ({ app, state, id }) => html`
  <${Toggle} id=${id} label="Explain" value=${state.explain} hint="Say why each product is there"
    change=${(on) => app.go({ explain: on }, { replace: true })} />`;

/** A labelled choice of one of several. `options` are pairs of a value and its label. */
export const Choice = ({ id, label, options, value, change, inline = false }) => html`
  <div class=${inline ? "field inline" : "field"}>
    <label for=${id}>${label}</label>
    <select id=${id} value=${value} onChange=${(event) => change(event.target.value)}>
      ${options.map(([one, text]) => html`<option key=${one} value=${one} selected=${one === value}>${text}</option>`)}
    </select>
  </div>`;

/** A choice among the models that can be asked; none while there is only one. */
export const ModelChoice = ({ id, models, value, change }) =>
  models.length > 1 &&
  html`<${Choice} id=${id} label="Model" value=${value === models[0] ? "" : value} change=${change}
    options=${models.map((name, at) => [at ? name : "", at ? name : `${name} (live)`])} />`;

/** A slider from 0 to 1 that tells its value; it asks when it is let go. */
export function Slider({ id, label, value, change }) {
  const [shown, setShown] = useState(value);
  useLayoutEffect(() => setShown(value), [value]);
  return html`
    <div class="slider">
      <label for=${id}>${label}</label><output for=${id}>${Number(shown || 0).toFixed(1)}</output>
      <input type="range" id=${id} min="0" max="1" step="0.1" value=${shown}
        onInput=${(event) => setShown(event.target.value)} onChange=${(event) => change(event.target.value)} />
    </div>`;
}

export const Chip = ({ label, title = label, act }) => html`
  <button type="button" class="chip" title=${title} aria-label=${`Remove the filter ${label}`} onClick=${act}>
    <span dir="auto">${label}</span><${Icon} name="close" size="13" />
  </button>`;

export const Pressed = ({ label, on, act }) => html`
  <button type="button" class="chip choice" aria-pressed=${String(Boolean(on))} onClick=${act}>
  <span dir="auto">${label}</span></button>`;

/** A button with a menu of `{label, act}` below it: arrows move, Escape and a click elsewhere close it. */
export function MenuButton({ label, items }) {
  const [open, setOpen] = useState(false);
  const button = useRef(/** @type {any} */ (null));
  const menu = useRef(/** @type {any} */ (null));
  useLayoutEffect(() => {
    if (!open) return;
    menu.current.showPopover();
    // It stays at its button when the page scrolls, and when what arrives above moves what is below.
    const place = () => {
      const at = button.current.getBoundingClientRect();
      const { offsetWidth: width, offsetHeight: height } = menu.current;
      const below = at.bottom + 6 + height < innerHeight;
      menu.current.style.left = `${Math.max(8, Math.min(at.right - width, innerWidth - width - 8))}px`;
      menu.current.style.top = `${below ? at.bottom + 6 : Math.max(8, at.top - 6 - height)}px`;
    };
    place();
    menu.current.firstElementChild.focus({ preventScroll: true });
    const moves = new ResizeObserver(place);
    moves.observe(document.body);
    addEventListener("scroll", place, { passive: true });
    return () => {
      moves.disconnect();
      removeEventListener("scroll", place);
    };
  }, [open]);
  const onKeyDown = (event) => {
    const entries = [...event.currentTarget.children];
    const at = entries.indexOf(document.activeElement);
    const steps = { ArrowDown: at + 1, ArrowUp: at - 1 + entries.length, Home: 0, End: entries.length - 1 };
    if (event.key === "Tab") menu.current.hidePopover();
    if (!(event.key in steps)) return;
    event.preventDefault();
    entries[steps[event.key] % entries.length].focus();
  };
  const choose = (act) => {
    menu.current.hidePopover();
    act();
  };
  return html`
    <button type="button" class="icon-button card-menu" ref=${button} aria-label=${label} aria-haspopup="menu"
      aria-expanded=${String(open)} onClick=${() => setOpen(true)}><${Icon} name="more" /></button>
    ${open &&
    html`<div class="menu" role="menu" popover="auto" ref=${menu} onKeyDown=${onKeyDown}
      onToggle=${(event) => event.newState === "closed" && setOpen(false)}>
      ${items().map(({ label, act }) => html`<button type="button" role="menuitem" tabindex="-1" dir="auto"
        onClick=${() => choose(act)}>${label}</button>`)}
    </div>`}`;
}

/**
 * Return an address if it leads to the web; anything else (`javascript:`, `data:`, rubbish) is no link. One that leaves
 * the scheme to the page, `//cdn.shop.example/1.jpg`, is asked for by https.
 */
export function webAddress(text) {
  const whole = text?.replace(/^\/\//, "https://");
  if (!whole || !URL.canParse(whole)) return null;
  const address = new URL(whole);
  return address.protocol === "https:" || address.protocol === "http:" ? address.href : null;
}

/** Whether a host is likely one of a private network: an address in numbers, a name without a dot or of such an end. */
const isInternal = (host) =>
  /^\[|^[\d.]+$|^[^.]+\.?$/.test(host) || /\.(local|localhost|internal|intranet|lan|home|corp|arpa)\.?$/.test(host);

/**
 * Return the address of a picture worth asking for. Names under .example and .invalid never resolve (RFC 2606). A feed
 * must not have the browser of whoever looks at it ask the machines of their network.
 */
function pictureAddress(text) {
  const address = webAddress(text);
  if (!address) return null;
  const { hostname, origin } = new URL(address);
  if (/(^|\.)(example|invalid)$/.test(hostname)) return null;
  return origin !== location.origin && isInternal(hostname) ? null : address;
}

/** Whether any of the products has a picture; a list without any needs less room for them. */
export const anyPicture = (products) => products.some((product) => pictureAddress(product.image));

/** A picture, or in its place a tile in the department's colour with the title's initials. */
export function Picture({ product }) {
  const source = pictureAddress(product.image);
  const [broken, setBroken] = useState("");
  // Two places on the tile that depend on the SKU alone, so that a product always looks the same.
  let hash = 2166136261;
  for (const letter of product.sku) hash = Math.imul(hash ^ letter.codePointAt(0), 16777619);
  const part = (shift, span) => (((hash >>> shift) % 97) / 97) * span;
  const style = {
    "--tint": departmentColour(product.category[0]),
    "--one": `${68 + part(3, 30)}% ${part(9, 40)}%`,
    "--other": `${part(15, 34)}% ${88 + part(21, 30)}%`,
  };
  return html`
    <div class="picture" aria-hidden="true" style=${style}>
      <span class="initials">${initials(product.title)}</span>
      ${source && source !== broken &&
      html`<img key=${source} alt="" loading="lazy" decoding="async" referrerpolicy="no-referrer" src=${source}
        onLoad=${(event) => event.target.classList.add("loaded")} onError=${() => setBroken(source)} />`}
    </div>`;
}

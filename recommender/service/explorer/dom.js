// Elements made by hand. Text goes in as text nodes alone: nothing of a catalogue is ever read as markup.

const SVG = "http://www.w3.org/2000/svg";

/**
 * Make an element. `on` holds listeners, `data` data attributes, `vars` CSS custom properties; the rest are attributes:
 * true sets an empty one, false and null none.
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  assign(element, attributes);
  append(element, children);
  return element;
}

function assign(element, { on = {}, data = {}, vars = {}, ...attributes }) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const [event, listener] of Object.entries(on)) element.addEventListener(event, listener);
  for (const [name, value] of Object.entries(data)) element.dataset[name] = value;
  for (const [name, value] of Object.entries(vars)) element.style.setProperty(name, value);
}

export function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

/** Make a line icon from the path data of a 24 by 24 drawing. */
export function icon(path, size = 18) {
  const svg = document.createElementNS(SVG, "svg");
  for (const [name, value] of Object.entries({
    viewBox: "0 0 24 24",
    width: size,
    height: size,
    "aria-hidden": "true",
    class: "icon",
  }))
    svg.setAttribute(name, value);
  const line = document.createElementNS(SVG, "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}

export const ICONS = {
  close: "M6 6l12 12M18 6L6 18",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  filter: "M4 6h16M7 12h10M10 18h4",
  minus: "M6 12h12",
  plus: "M6 12h12M12 6v12",
  home: "M4 4h6v6H4zM14 4h6v6h-6zM4 14h6v6H4zM14 14h6v6h-6z",
  out: "M9 5H5v14h14v-4M13 5h6v6M19 5l-9 9",
};

/** Replace what an element holds, and give the focus back to the element of the same `data-key` if it had it. */
export function swap(element, ...children) {
  const held = element.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  const fresh = document.createDocumentFragment();
  append(fresh, children);
  element.replaceChildren(fresh);
  if (held)
    [...element.querySelectorAll("[data-key]")].find((one) => one.dataset.key === held)?.focus({ preventScroll: true });
}

/** Return an address if it leads to the web; anything else (`javascript:`, `data:`, rubbish) is no link. */
export function webAddress(text) {
  if (!text || !URL.canParse(text)) return null;
  const address = new URL(text);
  return address.protocol === "https:" || address.protocol === "http:" ? address.href : null;
}

/** Whether a host is likely one of a private network: an address in numbers, a name without a dot or of such an end. */
const isInternal = (host) =>
  /^\[|^[\d.]+$|^[^.]+\.?$/.test(host) || /\.(local|localhost|internal|intranet|lan|home|corp|arpa)\.?$/.test(host);

/**
 * Return the address of a picture worth asking for. Names under .example and .invalid never resolve (RFC 2606). A feed
 * must not have the browser of whoever looks at it ask the machines of their network.
 */
export function pictureAddress(text) {
  const address = webAddress(text);
  if (!address) return null;
  const { hostname, origin } = new URL(address);
  if (/(^|\.)(example|invalid)$/.test(hostname)) return null;
  return origin !== location.origin && isInternal(hostname) ? null : address;
}

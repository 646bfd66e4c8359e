// How values read: prices, counts, names.

const prices = new Map();

/** Return a price in its currency; a currency that is no ISO code is written as it stands. */
export function price(amount, currency) {
  if (amount === null || amount === undefined) return "";
  const tiny = amount > 0 && amount < 0.01; // what is sold by the thousand does not cost 0.00
  const key = `${currency}${tiny}`;
  try {
    if (!prices.has(key)) {
      /** @type {Intl.NumberFormatOptions} */
      const form = currency ? { style: "currency", currency } : { minimumFractionDigits: 2 };
      if (tiny) form.maximumFractionDigits = 6;
      prices.set(key, new Intl.NumberFormat(undefined, form));
    }
    return prices.get(key).format(amount);
  } catch {
    return `${amount} ${currency}`;
  }
}

/** Return a range of prices, of which an end may be missing: null or "". */
export function priceRange(low, high, currency) {
  const amount = (one) => price(Number(one), currency);
  const [from, to] = [low ?? "", high ?? ""].map(String);
  if (from && to) return `${amount(from)} – ${amount(to)}`;
  return from ? `from ${amount(from)}` : to && `up to ${amount(to)}`;
}

// Made once: a formatter takes a fifth of a millisecond, and a page that follows the typing shows a hundred numbers.
const whole = new Intl.NumberFormat();
export const number = (value) => whole.format(value);

export const plural = (count, one, many = `${one}s`) => `${number(count)} ${count === 1 ? one : many}`;

export const path = (names) => names.join(" > ");

export const names = (text) => text.split(" > ");

/** Return an attribute filter as an address says it: `colour:red|blue`, in JSON where that would be read as another. */
export function attributeFilter(name, values) {
  const plain = [name, ...values].every((text) => text.trim() === text && text && !text.includes("|"));
  return plain && !/[:{[]/.test(name) ? `${name}:${values.join("|")}` : JSON.stringify({ name, values });
}

/** Return the name and the values of an attribute filter of an address. */
export function readAttribute(text) {
  try {
    const { name, values } = JSON.parse(text);
    return { name: String(name), values: [values].flat().map(String) };
  } catch {
    const [name, ...rest] = text.split(":");
    return { name, values: rest.join(":").split("|") };
  }
}

export const leaf = (names) => names.at(-1) ?? "";

const AVAILABILITY = {
  in_stock: "In stock",
  out_of_stock: "Out of stock",
  preorder: "Preorder",
  backorder: "Backorder",
  unknown: "Ask for stock",
};

export const availability = (value) => AVAILABILITY[value] ?? value;

/** Return up to two letters that stand for a title where there is no picture. */
export function initials(title) {
  const words = title.match(/[\p{L}\p{N}]+/gu) ?? [];
  return (
    words
      .slice(0, 2)
      .map((word) => [...word][0].toLocaleUpperCase())
      .join("") || "·"
  );
}

const ENTITIES = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  nbsp: " ",
  ndash: "–",
  mdash: "—",
  hellip: "…",
  deg: "°",
  times: "×",
  eacute: "é",
  uuml: "ü",
  auml: "ä",
  ouml: "ö",
  bull: "•",
  middot: "·",
  rsquo: "’",
  lsquo: "‘",
  ldquo: "“",
  rdquo: "”",
  frac12: "½",
  euro: "€",
  reg: "®",
  trade: "™",
};

/** Return a feed's description as reading text: breaks for its paragraphs, no formatting tags. Other markup stays. */
export function prose(text) {
  return text
    .replace(/<br\s*\/?>|<\/(p|div|h[1-6]|tr|ul|ol)>/gi, "\n")
    .replace(/<li[^>]*>/gi, "\n• ")
    .replace(/<\/?(p|div|h[1-6]|ul|ol|li|b|strong|i|em|u|span|table|tbody|tr|td|th|small|sup|sub)(\s[^>]*)?>/gi, "")
    .replace(/&(#x[0-9a-f]{1,6}|#\d{1,7}|[a-z0-9]+);/gi, entity)
    .replace(/\n\s*\n+/g, "\n")
    .trim();
}

function entity(whole, name) {
  if (!name.startsWith("#")) return ENTITIES[name.toLowerCase()] ?? whole;
  const code = name[1].toLowerCase() === "x" ? parseInt(name.slice(2), 16) : parseInt(name.slice(1), 10);
  return code > 0 && code < 0x110000 ? String.fromCodePoint(code) : whole;
}

// One colour a department, the same on cards and on the map. The largest departments get one; the others share a grey.

import { get } from "./api.js";

// Ordered so that neighbours differ in lightness as well as in hue, for eyes that tell few hues apart.
const PALETTE = [
  "#3f74d8",
  "#d9722e",
  "#2b9a6c",
  "#b8447f",
  "#8d63d2",
  "#b18a14",
  "#1f97ab",
  "#cf4b4b",
  "#6f8f2a",
  "#96633c",
  "#d381b4",
  "#4f8f8c",
];

const OTHERS = "#7d8794";

let order = new Map();

/** Take note of the departments, the largest first. */
export function knowDepartments(departments) {
  const kept = departments
    .filter((name) => name && name !== "Other")
    .slice(0, PALETTE.length)
    .sort();
  order = new Map(kept.map((name, at) => [name, PALETTE[at]]));
}

/** Learn the departments of the shop, once: what the tree begins with, and what colours stand for. */
export async function departments(app) {
  if (app.departments) return;
  // Colours are no reason to fail: what is asked beside this says what is wrong.
  const answer = await get("v1/products?k=1&facets=true&facet_values=200").catch(() => null);
  if (!answer) return;
  const listed = (answer.facets?.categories ?? []).filter((one) => one.value.length === 1);
  app.departments = listed.map((one) => one.value[0]);
  knowDepartments(app.departments);
}

export const departmentColour = (name) => order.get(name) ?? OTHERS;

/** The same colour for small dots on a dark ground: a fifth nearer to white. */
export function onDark(colour) {
  const lighter = (at) => Math.round(parseInt(colour.slice(at, at + 2), 16) * 0.8 + 255 * 0.2);
  return `rgb(${lighter(1)} ${lighter(3)} ${lighter(5)})`;
}

// The catalogue in the plane: near are products that the model finds alike.

import { get, useLoaded } from "./api.js";
import { departmentColour, departments, knowDepartments, onDark } from "./colours.js";
import { number, plural } from "./format.js";
import { MapCanvas } from "./map_canvas.js";
import { Failure, Notice } from "./notices.js";
import { Go, Icon, ModelChoice } from "./parts.js";
import { productAddress, toggled } from "./state.js";
import { html, useLayoutEffect, useRef, useState } from "./vendor/preact.js";

const LISTED = 60;
const LIST_MS = 200;

const KEYS =
  "Map of the products. Arrow keys move, plus and minus zoom, 0 shows all, Enter opens the product in the middle.";
const DRAWING = "Drawing the map. It takes some seconds, once for each generation …";
const HELP =
  "Drag to move, scroll to zoom, click a product to open it. With the keyboard: arrows, + and −, 0, Enter.";

export function MapView({ app, state }) {
  const [waits, setWaits] = useState(false);
  const [alone, setAlone] = useState(/** @type {number[]} */ ([]));
  const query = state.model ? `?model=${encodeURIComponent(state.model)}` : "";
  const { data: map, error, fresh } = useLoaded(app, `v1/map${query}`, async (signal) => {
    const asked = get(`v1/map${query}`, { signal, remember: false, waiting: () => setWaits(true) });
    const [made] = await Promise.all([asked, departments(app)]);
    const known = new Set(app.departments ?? []);
    if (!made.departments.every((name) => known.has(name) || name === "Other")) knowDepartments(made.departments);
    return made;
  });
  const some = !error && map?.points.length > 0;
  const { canvas, drawn, tip, inView } = useCanvas(app, some ? map : null, alone);
  const { length: shown } = map?.points ?? [];
  const all = plural(map?.products ?? 0, "product");
  const of = shown < map?.products ? `a sample of ${number(shown)} of ${all}` : plural(shown, "product");
  app.title("Map");
  useLayoutEffect(() => app.arrived(true), []);
  useLayoutEffect(() => {
    if (fresh && some) app.announce(`The map shows ${of} in ${plural(map.departments.length, "department")}`);
  }, [map, fresh]);
  const button = (label, name, act) =>
    html`<button type="button" class="icon-button" aria-label=${label} title=${label} onClick=${act}>
    <${Icon} name=${name} /></button>`;
  return html`
    <div class="page map-page">
      <div class="results-head">
        <div class="results-title">
          <h1 tabindex="-1">Map</h1>
          <p class="muted count-line">${some ? `${of}, laid out by ${map.model}; near is alike` : "\u00a0"}</p>
        </div>
        <div class="toolbar"><${ModelChoice} id="map-model" models=${app.models} value=${state.model}
          change=${(model) => app.go({ model })} /></div>
      </div>
      <div class="map-frame">
        <div class="map-stage">
          <canvas class="map-canvas" tabindex="0" role="application" aria-label=${KEYS} aria-describedby="map-help"
            ref=${canvas}></canvas>
          <${Tip} tip=${tip} map=${map} canvas=${canvas} />
          <div class="map-over">
            ${error
              ? html`<${Failure} app=${app} problem=${error} />`
              : !map
                ? html`<p class="map-wait" role="status">${waits ? DRAWING : "Asking for the map …"}</p>`
                : !some && html`<${Notice} title="Nothing to draw yet" text="The index is empty."
                  remedies=${[{ command: "recommender ingest FEED" }]} />`}
          </div>
          <div class="map-buttons">
            ${button("Zoom in", "plus", () => drawn.current.zoomBy(1.6))}
            ${button("Zoom out", "minus", () => drawn.current.zoomBy(1 / 1.6))}
            ${button("Show all", "home", () => drawn.current.reset())}
          </div>
        </div>
        <aside class="map-side" aria-label="Departments">
          <ul class="legend">
            ${some && map.departments.map((name, at) => html`
              <li key=${name}><button type="button" class="facet" aria-pressed=${String(alone.includes(at))}
                onClick=${() => setAlone(toggled(alone, at))}>
                <span class="swatch" style=${{ "--tint": departmentColour(name) }} aria-hidden="true"></span>
                <span class="facet-name" dir="auto">${name}</span>
                <span class="count">${number(map.points.filter((point) => point[2] === at).length)}</span>
              </button></li>`)}
          </ul>
          <p class="muted" id="map-help">${HELP}</p>
        </aside>
      </div>
      <${Listing} app=${app} state=${state} map=${some ? map : null} inView=${inView} />
    </div>`;
}

/** The canvas of a map; `inView` is made anew a moment after what is seen changed, so that lists follow. */
function useCanvas(app, map, alone) {
  const canvas = useRef(/** @type {any} */ (null));
  const drawn = useRef(/** @type {any} */ (null));
  const timer = useRef(0);
  const [tip, setTip] = useState(/** @type {any} */ (null));
  const [inView, setInView] = useState(/** @type {any[]} */ ([]));
  const look = () => {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setInView(drawn.current.inView()), LIST_MS);
  };
  useLayoutEffect(() => {
    drawn.current = new MapCanvas(canvas.current, {
      marked: (point, place) => {
        setTip(point && { point, place });
        if (point && document.activeElement === canvas.current) app.announce(point[4]);
      },
      chosen: (point) => app.go({ view: "", sku: point[3], q: "" }),
      moved: look,
    });
    return () => {
      clearTimeout(timer.current);
      drawn.current.close();
    };
  }, []);
  const colours = () =>
    map.departments.map((name) => (app.dark ? onDark(departmentColour(name)) : departmentColour(name)));
  useLayoutEffect(() => {
    if (map) drawn.current.show(map.points, colours(), map.departments);
  }, [map?.model, map?.generation]);
  useLayoutEffect(() => {
    if (map) drawn.current.colour(colours());
  }, [app.dark]);
  useLayoutEffect(() => {
    // The chosen departments are shown alone; none chosen shows all.
    const all = map?.departments.map((_, at) => at) ?? [];
    drawn.current.mute(new Set(all.filter((at) => alone.length && !alone.includes(at))));
    look();
  }, [map, alone]);
  return { canvas, drawn, tip, inView };
}

function Tip({ tip, map, canvas }) {
  const box = useRef(/** @type {any} */ (null));
  useLayoutEffect(() => {
    if (!tip) return;
    const { width, height } = canvas.current.getBoundingClientRect();
    const { offsetWidth: own, offsetHeight: tall, style } = box.current;
    const [x, y] = tip.place;
    style.left = `${Math.max(8, Math.min(x + 14, width - own - 8))}px`;
    style.top = `${Math.max(8, y + 14 + tall < height ? y + 14 : y - 14 - tall)}px`;
  }, [tip]);
  return (
    tip &&
    html`<div class="map-tip" ref=${box}>
      <strong dir="auto">${tip.point[4]}</strong>
      <span class="muted" dir="auto">${map.departments[tip.point[2]]} · ${tip.point[3]}</span>
    </div>`
  );
}

function Listing({ app, state, map, inView }) {
  const [open, setOpen] = useState(false);
  const groups = map ? map.departments.map((name, at) => [name, inView.filter((point) => point[2] === at)]) : [];
  return html`
    <details class="map-listing" onToggle=${(event) => setOpen(event.currentTarget.open)}>
      <summary>Products in view, as a list</summary>
      <div class="map-list">
        ${open && groups.filter(([, own]) => own.length).map(([name, own]) => html`
          <h3 dir="auto">${name} (${number(own.length)})</h3>
          <ul>${own.slice(0, LISTED).map((point) => html`<li key=${point[3]}>
          <${Go} href=${productAddress(state, point[3])}>${point[4]}<//></li>`)}</ul>
          ${own.length > LISTED &&
          html`<p class="muted">and ${number(own.length - LISTED)} more; zoom in to see them</p>`}`)}
      </div>
    </details>`;
}

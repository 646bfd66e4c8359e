// Points on a canvas: draws them, pans and zooms, and tells which point is under the pointer or in the middle.

const MIN_ZOOM = 0.7;
const MAX_ZOOM = 60;
const REACH_PX = 14;
const DRAG_PX = 4;
const PAN_PX = 60;
const MARGIN_PX = 28;
const STRETCH = 1.5;

export class MapCanvas {
  #points = [];
  #colours = [];
  #names = [];
  #muted = new Set();
  #view = { zoom: 1, x: 0, y: 0 };
  #size = { width: 1, height: 1 };
  #extent = [1, 1];
  #scales = [1, 1];
  #pointers = new Map();
  #dragged = 0;
  #marked = null;
  #keyboard = false;
  #frame = 0;
  /** @type {Map<string, number[] | null> | null} */
  #medoids = null;

  /** `marked(point, place)` is told the point that is pointed at, or null; `chosen(point)` the one that was clicked. */
  constructor(canvas, { marked, chosen, moved }) {
    this.canvas = canvas;
    this.tell = { marked, chosen, moved };
    this.context = canvas.getContext("2d");
    this.observer = new ResizeObserver(() => this.#resize());
    this.observer.observe(canvas);
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, (event) => this.#up(event));
    canvas.addEventListener("pointerleave", () => this.#mark(null));
    canvas.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    canvas.addEventListener("keydown", (event) => this.#key(event));
    canvas.addEventListener("blur", () => ((this.#keyboard = false), this.#mark(null)));
  }

  /** Show points `[x, y, department, sku, title]`, one colour and one name a department. */
  show(points, colours, names) {
    [this.#points, this.#colours, this.#names] = [points, colours, names];
    this.#extent = [0, 1].map((axis) => points.reduce((most, point) => Math.max(most, Math.abs(point[axis])), 0.05));
    this.reset();
  }

  colour(colours) {
    this.#colours = colours;
    this.redraw();
  }

  mute(departments) {
    this.#muted = departments;
    this.redraw();
  }

  reset() {
    this.#view = { zoom: 1, x: 0, y: 0 };
    this.#moved();
  }

  /** @param {number} factor @param {number[]} at */
  zoomBy(factor, at = this.#middle()) {
    const zoom = Math.min(MAX_ZOOM, Math.max(MIN_ZOOM, this.#view.zoom * factor));
    const [x, y] = this.#world(at);
    this.#view.zoom = zoom;
    this.#fit();
    const [left, top] = this.#world(at);
    this.#view.x += x - left;
    this.#view.y += y - top;
    this.#moved();
  }

  /** The points in view of the departments that are shown. */
  inView() {
    const { width, height } = this.#size;
    return this.#points.filter((point) => {
      if (this.#muted.has(point[2])) return false;
      const [x, y] = this.place(point);
      return x >= 0 && y >= 0 && x <= width && y <= height;
    });
  }

  /** Where a point stands on the canvas, in CSS pixels. */
  /** @param {number[]} point */
  place([x, y]) {
    const [across, down] = this.#scales;
    return [this.#size.width / 2 + (x - this.#view.x) * across, this.#size.height / 2 + (y - this.#view.y) * down];
  }

  redraw() {
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => this.#draw());
  }

  close() {
    this.observer.disconnect();
    cancelAnimationFrame(this.#frame);
  }

  /** Pixels a unit of the map takes across and down: it fills the canvas, stretched by half at most. */
  #fit() {
    const { width, height } = this.#size;
    const [across, down] = [(width / 2 - MARGIN_PX) / this.#extent[0], (height / 2 - MARGIN_PX) / this.#extent[1]];
    const least = Math.max(1, Math.min(across, down));
    this.#scales = [across, down].map((one) => Math.min(one, least * STRETCH) * this.#view.zoom);
  }

  /** @param {number[]} place */
  #world([x, y]) {
    const [across, down] = this.#scales;
    return [this.#view.x + (x - this.#size.width / 2) / across, this.#view.y + (y - this.#size.height / 2) / down];
  }

  #middle() {
    return [this.#size.width / 2, this.#size.height / 2];
  }

  #resize() {
    const { width, height } = this.canvas.getBoundingClientRect();
    const dense = devicePixelRatio || 1;
    this.#size = { width: Math.max(1, width), height: Math.max(1, height) };
    this.canvas.width = Math.round(width * dense);
    this.canvas.height = Math.round(height * dense);
    this.context.setTransform(dense, 0, 0, dense, 0, 0);
    this.#moved();
  }

  #moved() {
    this.#fit();
    this.redraw();
    this.tell.moved();
  }

  #nearest(at, reach = REACH_PX) {
    let [best, least] = [null, reach * reach];
    for (const point of this.#points) {
      if (this.#muted.has(point[2])) continue;
      const [x, y] = this.place(point);
      const apart = (x - at[0]) ** 2 + (y - at[1]) ** 2;
      if (apart < least) [best, least] = [point, apart];
    }
    return best;
  }

  #mark(point) {
    if (point === this.#marked) return;
    this.#marked = point;
    this.canvas.classList.toggle("over", Boolean(point));
    this.tell.marked(point, point && this.place(point));
    this.redraw();
  }

  #at(event) {
    const box = this.canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  #down(event) {
    this.#keyboard = false;
    this.canvas.setPointerCapture(event.pointerId);
    this.#pointers.set(event.pointerId, this.#at(event));
    if (this.#pointers.size === 1) this.#dragged = 0;
  }

  #move(event) {
    const at = this.#at(event);
    const before = this.#pointers.get(event.pointerId);
    if (!before) return this.#mark(this.#nearest(at));
    this.#pointers.set(event.pointerId, at);
    if (this.#pointers.size === 2) return this.#pinch(before, at, event.pointerId);
    this.#dragged += Math.hypot(at[0] - before[0], at[1] - before[1]);
    if (this.#dragged > DRAG_PX) this.#pan(before[0] - at[0], before[1] - at[1]);
  }

  #pinch(before, at, id) {
    const other = [...this.#pointers].find(([key]) => key !== id)?.[1];
    this.#dragged = DRAG_PX + 1;
    const apart = (one) => Math.hypot(one[0] - other[0], one[1] - other[1]);
    this.zoomBy(apart(at) / Math.max(1, apart(before)), [(at[0] + other[0]) / 2, (at[1] + other[1]) / 2]);
  }

  #up(event) {
    const click = this.#pointers.size === 1 && this.#dragged <= DRAG_PX && event.type === "pointerup";
    this.#pointers.delete(event.pointerId);
    if (!click) return;
    const point = this.#nearest(this.#at(event));
    if (point) this.tell.chosen(point);
  }

  #pan(x, y) {
    const [across, down] = this.#scales;
    const bound = (value) => Math.max(-1.1, Math.min(1.1, value));
    this.#view.x = bound(this.#view.x + x / across);
    this.#view.y = bound(this.#view.y + y / down);
    this.#mark(null);
    this.#moved();
  }

  #wheel(event) {
    event.preventDefault();
    this.zoomBy(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)), this.#at(event));
  }

  #key(event) {
    const steps = { ArrowLeft: [-PAN_PX, 0], ArrowRight: [PAN_PX, 0], ArrowUp: [0, -PAN_PX], ArrowDown: [0, PAN_PX] };
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in steps) this.#pan(...steps[event.key]);
    else if (event.key === "+" || event.key === "=") this.zoomBy(1.4);
    else if (event.key === "-") this.zoomBy(1 / 1.4);
    else if (event.key === "0" || event.key === "Home") this.reset();
    else if (event.key === "Enter" && this.#marked) return this.tell.chosen(this.#marked);
    else return;
    event.preventDefault();
    this.#keyboard = true;
    this.#mark(this.#nearest(this.#middle(), 80));
    this.redraw();
  }

  #draw() {
    const { width, height } = this.#size;
    const style = getComputedStyle(this.canvas);
    this.context.clearRect(0, 0, width, height);
    const radius = Math.min(7, 2.4 * Math.sqrt(this.#view.zoom));
    for (let department = 0; department < this.#colours.length; department++) this.#dots(department, radius, style);
    this.#labels(style);
    if (this.#marked) this.#ring(this.#marked, radius, style);
    if (this.#keyboard) this.#cross(style);
  }

  #dots(department, radius, style) {
    const muted = this.#muted.has(department);
    this.context.globalAlpha = muted ? 0.25 : 0.82;
    this.context.fillStyle = muted ? style.getPropertyValue("--line-strong") : this.#colours[department];
    this.context.beginPath();
    for (const point of this.#points) {
      if (point[2] !== department) continue;
      const [x, y] = this.place(point);
      if (x < -9 || y < -9 || x > this.#size.width + 9 || y > this.#size.height + 9) continue;
      this.context.moveTo(x + radius, y);
      this.context.arc(x, y, muted ? radius * 0.7 : radius, 0, 2 * Math.PI);
    }
    this.context.fill();
    this.context.globalAlpha = 1;
  }

  #labels(style) {
    this.context.font = `600 13px ${style.fontFamily}`;
    this.context.textAlign = "center";
    this.context.lineJoin = "round";
    this.context.lineWidth = 4;
    this.context.strokeStyle = style.getPropertyValue("--surface");
    this.context.fillStyle = style.getPropertyValue("--text");
    const taken = [];
    this.#names.forEach((name, department) => {
      const middle = this.#muted.has(department) ? null : this.#medoid(department);
      if (!middle) return;
      const [x, y] = this.place(middle);
      if (taken.some((one) => Math.abs(one[0] - x) < 90 && Math.abs(one[1] - y) < 18)) return;
      taken.push([x, y]);
      this.context.strokeText(name, x, y);
      this.context.fillText(name, x, y);
    });
  }

  /** The middle of a department: the median of its places, which a few strays do not move. */
  #medoid(department) {
    this.#medoids ??= new Map();
    const key = `${department} ${this.#points.length} ${this.#points[0]?.[3]}`;
    if (!this.#medoids.has(key)) {
      const own = this.#points.filter((point) => point[2] === department);
      const median = (axis) => own.map((point) => point[axis]).sort((one, other) => one - other)[own.length >> 1];
      this.#medoids.set(key, own.length > 2 ? [median(0), median(1)] : null);
    }
    return this.#medoids.get(key);
  }

  #ring(point, radius, style) {
    const [x, y] = this.place(point);
    this.context.beginPath();
    this.context.arc(x, y, radius + 3.5, 0, 2 * Math.PI);
    this.context.lineWidth = 2.5;
    this.context.strokeStyle = style.getPropertyValue("--text");
    this.context.stroke();
  }

  #cross(style) {
    const [x, y] = this.#middle();
    this.context.lineWidth = 1.5;
    this.context.strokeStyle = style.getPropertyValue("--muted");
    this.context.beginPath();
    for (const [left, top] of [
      [8, 0],
      [-8, 0],
      [0, 8],
      [0, -8],
    ]) {
      this.context.moveTo(x + left / 2, y + top / 2);
      this.context.lineTo(x + left, y + top);
    }
    this.context.stroke();
  }
}

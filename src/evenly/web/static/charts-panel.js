// One drawing: a Vega view that is compiled once and then only given data, and what points at a place in it.
//
// The places are found by arithmetic on the scales and shown with HTML over the canvas. Marks of Vega for that would
// have to be made anew with each answer, a thousand for the strata, and a thin bar is hard to hit.

const EMBED = {
  mode: "vega", renderer: "canvas", actions: false, ast: true, defaultStyle: false, tooltip: false, hover: false,
};

const element = (name, parent) => {
  const made = document.createElement("div");
  made.className = name;
  parent.append(made);
  return made;
};

export class Panel {
  /**
   * @param parent where to draw, as large as there is room
   * @param tip the tooltip that all panels share
   * @param onPick called with what `describe` tells of the place that was clicked, or on Enter
   */
  constructor(parent, tip, onPick) {
    this.tip = tip;
    this.onPick = onPick;
    this.holder = element("chart-holder", parent);
    this.image = element("chart-image", this.holder);
    this.image.setAttribute("role", "img");
    this.canvas = element("chart-canvas", this.image);
    this.cursor = element("chart-cursor", this.holder);
    this.at = null;
    this.gone = new AbortController();
    this._listen();
    this.measure();
  }

  /** Pixels of the drawing inside its axes. */
  get plot() {
    const { left, right, top, bottom } = this.padding;
    return { left, top, width: Math.max(20, this.width - left - right), height: Math.max(20, this.height - top - bottom) };
  }

  /** Take the size from the page. A legend that wraps leaves less room too, so it is asked before each drawing. */
  measure() {
    [this.width, this.height] = [this.holder.clientWidth, this.holder.clientHeight];
  }

  /**
   * Draw.
   * @param structure {key, spec(): Vega specification}: it is compiled anew when the key changes
   * @param signals, data what the specification names; only what changed since the last time is given on
   * @param places {hit(x, y), step(at, key), describe(at)}: what can be pointed at; see the charts
   * @param text of the drawing, in words
   */
  async draw({ structure, padding, signals, data, places, text, cursor }) {
    this.padding = padding;
    this.places = places;
    this.image.setAttribute("aria-label", text);
    this.cursor.setAttribute("aria-label", cursor);
    this.measure();
    if (this.width < 40 || this.height < 40) return;
    const { width, height } = this.plot;
    const given = { ...signals, width, height };
    if (structure.key !== this.key) await this._compile(structure, given, data);
    else await this._update(given, data);
    this._mark();
  }

  async _compile({ key, spec }, signals, data) {
    this._finalize();
    const whole = { autosize: "none", padding: this.padding, ...spec() };
    const { width, height, ...others } = signals;
    whole.width = width;
    whole.height = height;
    whole.signals = Object.entries(others).map(([name, value]) => ({ name, value }));
    whole.data = Object.entries(data).map(([name, values]) => ({ name, values }));
    const made = await window.vegaEmbed(this.canvas, whole, EMBED);
    if (this.gone.signal.aborted) return made.finalize();
    this.made = made;
    this.key = key;
    this.drawnPadding = JSON.stringify(this.padding);
    this.given = { ...data };
    this.told = Object.fromEntries(Object.entries(signals).map(([name, value]) => [name, JSON.stringify(value)]));
    return made;
  }

  async _update(signals, data) {
    const { view } = this.made;
    let changed = false;
    for (const [name, value] of Object.entries(signals)) {
      const text = JSON.stringify(value); // a domain is a new array each time: as such it would place all marks anew
      if (this.told[name] === text) continue;
      this.told[name] = text;
      view.signal(name, value);
      changed = true;
    }
    for (const [name, values] of Object.entries(data)) {
      if (this.given[name] === values) continue;
      this.given[name] = values;
      view.data(name, values);
      changed = true;
    }
    const padding = JSON.stringify(this.padding);
    if (padding !== this.drawnPadding) {
      this.drawnPadding = padding;
      view.padding(this.padding);
      changed = true;
    }
    if (changed) await view.runAsync();
  }

  /** Where a value of the horizontal axis is, in pixels of the holder. */
  x(value) {
    return this.padding.left + this.made.view.scale("x")(value);
  }

  y(value) {
    return this.padding.top + this.made.view.scale("y")(value);
  }

  get ready() {
    return Boolean(this.made);
  }

  _listen() {
    const { signal } = this.gone;
    const listen = (node, name, call) => node.addEventListener(name, call, { signal });
    listen(this.holder, "pointermove", (event) => this._point(event));
    listen(this.holder, "pointerleave", () => this._leave());
    listen(this.holder, "click", (event) => this._click(event));
    // what a pointer shows is no longer under it; what keys show moves along
    listen(window, "scroll", () => (this.shown === "keys" ? this._mark() : this._leave()));
    this.cursor.tabIndex = 0;
    this.cursor.setAttribute("role", "slider");
    listen(this.cursor, "keydown", (event) => this._key(event));
    listen(this.cursor, "focus", () => this.cursor.matches(":focus-visible") && this._go(this.at ?? this._first()));
    listen(this.cursor, "blur", () => this._leave());
  }

  _first() {
    return this.ready ? this.places.step(null, "Home") : null;
  }

  _found(event) {
    if (!this.ready) return null;
    const box = this.holder.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const { left, top, width, height } = this.plot;
    const within = x >= left && x <= left + width && y >= top && y <= top + height;
    return within ? this.places.hit(x, y) : null;
  }

  _point(event) {
    if (event.target.closest(".chart-handle")) return this._leave();
    const at = this._found(event);
    if (at === null) return this._leave();
    this.at = at;
    this.shown = { x: event.clientX, y: event.clientY };
    return this._mark();
  }

  _click(event) {
    if (event.target.closest(".chart-handle")) return;
    const at = this._found(event);
    if (at !== null) this.onPick(this.places.describe(at).bar);
  }

  _key(event) {
    if (!this.ready || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "Escape") return this._leave();
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      if (this.at !== null) this.onPick(this.places.describe(this.at).bar);
      return;
    }
    const at = this.places.step(this.at, event.key);
    if (at === null) return;
    event.preventDefault();
    this._go(at);
  }

  _go(at) {
    if (at === null) return;
    this.at = at;
    this.shown = "keys";
    this._mark();
    this.cursor.scrollIntoView({ block: "nearest" });
  }

  _leave() {
    if (!this.shown) return;
    this.shown = null;
    this.cursor.classList.remove("shown");
    this.tip.hide(this);
  }

  /** Show what is pointed at, also anew when other numbers have come. */
  _mark() {
    if (!this.ready || !this.places.count) return;
    const [last, at] = [this.places.count - 1, this.at];
    const told = at === null || this.places.position(at) > last ? null : this.places.describe(at);
    this.cursor.setAttribute("aria-valuemin", "1");
    this.cursor.setAttribute("aria-valuemax", String(last + 1));
    this.cursor.setAttribute("aria-valuenow", String(told ? this.places.position(at) + 1 : 1));
    this.cursor.setAttribute("aria-valuetext", told ? said(told) : "no place chosen");
    if (!told) {
      this.at = null;
      this._leave();
    }
    if (!told || !this.shown) return;
    const { box } = told;
    Object.assign(this.cursor.style, {
      left: `${box.left}px`, top: `${box.top}px`, width: `${Math.max(2, box.width)}px`, height: `${Math.max(2, box.height)}px`,
    });
    this.cursor.classList.add("shown");
    this.tip.show(this, told, this.shown === "keys" ? this._corner(box) : this.shown);
  }

  _corner(box) {
    const around = this.holder.getBoundingClientRect();
    return { x: around.left + box.left + box.width, y: around.top + box.top + Math.min(box.height / 2, 40) };
  }

  _finalize() {
    this.made?.finalize();
    this.made = null;
    this.key = null;
    this.canvas.replaceChildren();
  }

  destroy() {
    this.gone.abort();
    this.tip.hide(this);
    this._finalize();
    this.holder.remove();
  }
}

const said = ({ title, rows }) => `${title}: ${rows.map(([name, value]) => `${name} ${value}`).join(", ")}`;

/** Places that lie beside each other: by which keys one goes from one to the next. */
export const stepped = (at, key, count, page = 10) => {
  const moves = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: page, PageDown: -page };
  if (!count) return null;
  if (key === "Home") return 0;
  if (key === "End") return count - 1;
  if (!(key in moves)) return null;
  return at === null ? 0 : Math.min(count - 1, Math.max(0, at + moves[key]));
};

/** The number of the interval between two neighbours of ascending values that holds a value; -1 outside. */
export const interval = (edges, value) => {
  if (!(value >= edges[0] && value <= edges[edges.length - 1])) return -1;
  let [low, high] = [0, edges.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (edges[middle] <= value) low = middle;
    else high = middle;
  }
  return low;
};

// The handle from which on strata are taken whole: an element over the drawing that is dragged or moved by keys.

const PAGE = 10;

export class TakeAllHandle {
  constructor(panel, onTakeAll) {
    this.panel = panel;
    this.onTakeAll = onTakeAll;
    this.say = String;
    this.axis = "";
    this.value = undefined;
    this.xs = [];
    this.gone = new AbortController();
    this._build();
  }

  _build() {
    const make = (name) => Object.assign(document.createElement("div"), { className: name });
    [this.region, this.bar, this.label] = [make("chart-whole"), make("chart-handle"), make("chart-handle-label")];
    this.bar.append(make("chart-grip"), this.label);
    this.panel.holder.append(this.region, this.bar);
    this.bar.tabIndex = 0;
    this.bar.setAttribute("role", "slider");
    this.bar.setAttribute("aria-orientation", "horizontal");
    const listen = (name, call) => this.bar.addEventListener(name, call, { signal: this.gone.signal });
    listen("keydown", (event) => this._key(event));
    listen("pointerdown", (event) => this._grab(event));
    listen("pointermove", (event) => this._drag(event));
    listen("pointerup", (event) => this._drop(event));
    listen("pointercancel", (event) => this._drop(event));
    this.hide();
  }

  /** Where it stands: a value, null (nothing is taken whole) or undefined (there is no handle). */
  set(value) {
    if (this.held) this.later = { value };
    else this.value = value;
    this._show();
  }

  /** Take the strata's values, ascending, and where they begin and end on the axis. */
  place(xs, edges) {
    [this.xs, this.edges] = [xs, edges];
    this._show();
  }

  hide() {
    this.xs = [];
    this._show();
  }

  /** The number of the first stratum that is taken whole; how many there are if none is. */
  get step() {
    if (this.value === null || this.value === undefined) return this.xs.length;
    const first = this.xs.findIndex((x) => x >= this.value);
    return first < 0 ? this.xs.length : first;
  }

  _show() {
    const seen = this.value !== undefined && this.xs.length > 0 && this.panel.ready;
    this.bar.hidden = this.region.hidden = !seen;
    if (!seen) return;
    const { left, top, width, height } = this.panel.plot;
    const x = this.panel.x(this.edges[this.step]);
    const rest = Math.max(0, left + width - x);
    Object.assign(this.region.style, { left: `${x}px`, top: `${top}px`, width: `${rest}px`, height: `${height}px` });
    Object.assign(this.bar.style, { left: `${x}px`, top: `${top}px`, height: `${height}px` });
    this.label.classList.toggle("leftwards", x > left + width / 2);
    const text = this.step === this.xs.length ? "nothing taken whole" : `taken whole from ${this.say(this.value)}`;
    this.label.textContent = text;
    const told = { label: `taken whole from this ${this.axis} on`, valuemin: this.xs[0], valuemax: this.xs[this.xs.length - 1],
      valuenow: this.step === this.xs.length ? this.xs[this.xs.length - 1] : this.value, valuetext: text };
    for (const [name, one] of Object.entries(told)) this.bar.setAttribute(`aria-${name}`, String(one));
  }

  _go(step, done) {
    const within = Math.min(this.xs.length, Math.max(0, step));
    const value = within === this.xs.length ? null : this.xs[within];
    if (value === this.value && !done) return;
    this.value = value;
    this._show();
    this.onTakeAll(value, { done });
  }

  _key(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const moves = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: PAGE, PageDown: -PAGE };
    const to = event.key === "Home" ? 0 : event.key === "End" ? this.xs.length : event.key in moves ? this.step + moves[event.key] : null;
    if (to === null) return;
    event.preventDefault();
    this._go(to, true);
  }

  _grab(event) {
    if (event.button !== 0) return;
    event.preventDefault();
    this.bar.focus({ preventScroll: true });
    this.bar.setPointerCapture(event.pointerId);
    const at = this.panel.x(this.edges[this.step]) - event.clientX; // it must not jump to where it was taken hold of
    this.held = { pointer: event.pointerId, at, moved: false };
    this.bar.classList.add("held");
  }

  _drag(event) {
    if (event.pointerId !== this.held?.pointer) return;
    const x = event.clientX + this.held.at;
    const before = this.value;
    this._go(this._nearest(x), false);
    this.held.moved ||= this.value !== before;
  }

  _drop(event) {
    if (event.pointerId !== this.held?.pointer) return;
    const { moved } = this.held;
    this.held = null;
    this.bar.classList.remove("held");
    if (moved) this._go(this.step, true);
    else if (this.later) this.set(this.later.value);
    this.later = null;
  }

  _nearest(x) {
    let best = 0;
    const away = (step) => Math.abs(this.panel.x(this.edges[step]) - x);
    for (let step = 1; step < this.edges.length; step += 1) if (away(step) < away(best)) best = step;
    return best;
  }

  destroy() {
    this.gone.abort();
    this.bar.remove();
    this.region.remove();
  }
}

// The studio's charts: what a page holds on to. Each answer is drawn at once; of several that wait, the newest.

import { palette, shaded } from "./charts-look.js";
import { Histogram } from "./charts-histogram.js";
import { Mix } from "./charts-mix.js";
import { Strata } from "./charts-strata.js";
import { Tip } from "./charts-tip.js";

/** Pixels below which panels stand below each other. */
const NARROW = 560;

const narrow = (place, width) => place.classList.toggle("narrow", width < NARROW);

export class Charts {
  /**
   * @param places {label, strata, mix, tokens}: elements to draw into; some may be missing
   * @param words label, category: names of columns; dates: whether the label is one, in days since 1970; a ground that
   *   says it otherwise is heeded
   * @param words.onBar called with {chart, place, category} on a click on a bar, or Enter on it
   * @param words.onTakeAll called with (value or null for none, {done}) while the handle moves and when it is let go
   */
  constructor(places, { label, dates = false, category = null, onBar = () => {}, onTakeAll = () => {} }) {
    const words = this.words = { label: label ?? "label", dates, category: category ?? "category" };
    this.places = Object.entries(places).filter(([, place]) => place);
    this.settings = { log: false, share: true, theme: "light" };
    this.tip = new Tip();
    const make = {
      label: (place) => new Histogram(place, "label", words, this.tip, onBar),
      tokens: (place) => new Histogram(place, "tokens", words, this.tip, onBar),
      mix: (place) => new Mix(place, words, this.tip, onBar),
      strata: (place) => new Strata(place, this.tip, onBar, onTakeAll),
    };
    this.charts = {};
    for (const [name, place] of this.places) {
      place.classList.add("chart", `chart-${name}`);
      narrow(place, place.clientWidth);
      this.charts[name] = make[name](place);
    }
    this._color();
    this._watch();
  }

  /** Draw a view {ground, answer} and other plans [{name, color, ground, answer}] over it; settles when that is drawn. */
  show(view, variants = []) {
    this.shown = { view, variants };
    return this._draw();
  }

  /** Change how it is drawn: log, share, theme, takeAll; what is not named stays. Settles when that is drawn. */
  set(settings) {
    if ("takeAll" in settings) this.charts.strata?.moveHandle(settings.takeAll);
    const { takeAll, ...others } = settings;
    const changed = Object.entries(others).some(([name, value]) => this.settings[name] !== value);
    Object.assign(this.settings, others);
    if (!changed) return this.drawing ?? Promise.resolve();
    this._color();
    return this._draw();
  }

  destroy() {
    this.gone = true;
    this.observer.disconnect();
    for (const chart of Object.values(this.charts)) chart.destroy();
    for (const [name, place] of this.places) place.classList.remove("chart", `chart-${name}`, "narrow", "ranked", "empty");
    this.tip.destroy();
  }

  _color() {
    this.colors = palette(this.settings.theme);
    for (const [, place] of this.places) {
      for (const [name, value] of Object.entries(this.colors)) {
        if (typeof value === "string") place.style.setProperty(`--chart-${name}`, value);
      }
    }
    this.tip.color(this.colors);
  }

  /** Drawings are as wide as their places. */
  _watch() {
    this.observer = new ResizeObserver((entries) => {
      for (const { target, contentRect } of entries) {
        if (target.classList.contains("chart")) narrow(target, contentRect.width);
      }
      if (this.shown) this._draw();
    });
    for (const [, place] of this.places) {
      this.observer.observe(place);
      for (const holder of place.querySelectorAll(".chart-holder")) this.observer.observe(holder);
    }
  }

  /** Draw what is newest; while that goes on, a call only notes that there is something newer. */
  _draw() {
    this.waiting = true;
    this.drawing ??= this._drain().finally(() => { this.drawing = null; });
    return this.drawing;
  }

  async _drain() {
    while (this.waiting && !this.gone && this.shown) {
      this.waiting = false;
      const { view } = this.shown;
      const { dates, category } = view.ground;
      Object.assign(this.words, { dates: dates ?? this.words.dates, category: category ?? this.words.category });
      const variants = this.shown.variants.map((one) => ({ ...one, color: shaded(one.color, this.settings.theme) }));
      const settings = { ...this.settings, colors: this.colors };
      await Promise.all(Object.values(this.charts).map((chart) => chart.draw(view, variants, settings)));
    }
  }
}

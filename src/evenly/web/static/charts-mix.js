// The mix of categories along the label: the pool and what is selected beside each other, each stacked to the whole.

import { bottomAxis, config } from "./charts-look.js";
import { day, milliseconds, number, percent, spelled } from "./charts-words.js";
import { interval, Panel, stepped } from "./charts-panel.js";
import { fillLegend, legendList } from "./charts-legend.js";

const PADDING = { left: 44, right: 14, top: 8, bottom: 42 };
/** Pixels by which a bin reaches under the next: the paper would shine through between two edges. */
const SEAM = 0.5;

const SIDES = { before: "in the pool", after: "selected" };

export class Mix {
  constructor(place, words, tip, onBar) {
    this.words = words;
    this.legend = legendList(place);
    this.panels = document.createElement("div");
    this.panels.className = "chart-panels";
    place.append(this.panels);
    this.sides = Object.fromEntries(Object.entries(SIDES).map(([side, name]) => [side, this._side(name, tip, onBar)]));
  }

  _side(name, tip, onBar) {
    const box = document.createElement("div");
    box.className = "chart-side";
    const title = document.createElement("p");
    title.textContent = name;
    box.append(title);
    this.panels.append(box);
    return new Panel(box, tip, onBar);
  }

  async draw({ ground, answer }, variants, { theme, colors }) {
    const picture = ground.pictures.mix;
    this.panels.hidden = !picture || !answer.pictures.mix;
    this.panels.parentElement.classList.toggle("empty", this.panels.hidden);
    if (this.panels.hidden) return fillLegend(this.legend, []);
    const names = this._names(ground);
    fillLegend(this.legend, names.map((name, place) => ({ name, color: colors.categories[colorOf(place, picture)] })));
    if (this.ground !== ground.id) {
      this.ground = ground.id;
      this.ends = this.words.dates ? picture.label.map(milliseconds) : picture.label;
      this.before = stacks(this.ends, picture.before, picture);
    }
    const rows = { before: this.before, after: stacks(this.ends, answer.pictures.mix, picture) };
    const counts = { before: picture.before, after: answer.pictures.mix };
    await Promise.all(Object.keys(SIDES).map((side) => this._draw(side, { picture, names, theme, colors }, rows[side], counts[side])));
  }

  _draw(side, { picture, names, theme, colors }, rows, counts) {
    const panel = this.sides[side];
    return panel.draw({
      structure: { key: [theme, this.words.dates].join(), spec: () => spec(colors, this.words.dates) },
      padding: PADDING, data: { stacks: rows },
      signals: { xTitle: this.words.label, xTicks: null, xDomain: [this.ends[0], this.ends[this.ends.length - 1]] },
      places: this._places(panel, picture, names, counts), text: this._text(side, names, counts),
      cursor: `${this.words.category} along ${this.words.label}, ${SIDES[side]}`,
    });
  }

  _names(ground) {
    const { categories } = ground.pictures.mix;
    const told = ground.categories;
    const rest = told ? told.names.length - categories.length + told.others.count : 0;
    return [...categories.map(spelled), ...(rest > 0 ? [`${number(rest)} others`] : [])];
  }

  /** A place is a bin and a category of it: from left to right, and up. */
  _places(panel, picture, names, counts) {
    const bins = picture.label.length - 1;
    const height = names.length;
    const bounds = (at) => {
      const own = counts[Math.floor(at / height) + 1];
      const sum = own.reduce((all, one) => all + one, 0);
      const low = own.slice(0, at % height).reduce((all, one) => all + one, 0);
      return { rows: own[at % height], sum, low: sum ? low / sum : 0, high: sum ? (low + own[at % height]) / sum : 0 };
    };
    return {
      count: bins * height,
      position: (at) => at,
      hit: (x, y) => {
        const bin = interval(this.ends.map((end) => panel.x(end)), x);
        if (bin < 0) return null;
        const share = 1 - (y - panel.plot.top) / panel.plot.height;
        const at = [...names.keys()].map((place) => bin * height + place);
        return at.find((one) => bounds(one).low <= share && share < bounds(one).high) ?? null;
      },
      step: (at, key) => walked(at, key, bins, height),
      describe: (at) => this._told(panel, picture, names, at, bounds(at)),
    };
  }

  _told(panel, picture, names, at, { rows, sum, low, high }) {
    const [bin, category] = [Math.floor(at / names.length), at % names.length];
    const shown = this.words.dates ? day : number;
    const [left, right] = [panel.x(this.ends[bin]), panel.x(this.ends[bin + 1])];
    return {
      title: names[category],
      rows: [
        [this.words.label, `${shown(picture.label[bin])} – ${shown(picture.label[bin + 1])}`],
        ["records", number(rows)], ["share here", percent(sum ? rows / sum : 0)],
      ],
      box: { left, width: right - left, top: panel.plot.top + panel.plot.height * (1 - high), height: panel.plot.height * (high - low) },
      bar: { chart: "mix", place: bin + 1, category },
    };
  }

  _text(side, names, counts) {
    const sums = names.map((_, place) => counts.reduce((all, bin) => all + bin[place], 0));
    const whole = sums.reduce((all, one) => all + one, 0) || 1;
    const told = names.map((name, place) => `${name} ${percent(sums[place] / whole)}`);
    return `Share of each ${this.words.category} along ${this.words.label}, ${SIDES[side]}. Over all: ${told.join(", ")}.`;
  }

  destroy() {
    for (const panel of Object.values(this.sides)) panel.destroy();
    this.panels.remove();
    this.legend.remove();
  }
}

/** The last count of a bin is that of all others, which have one colour, the last. */
const colorOf = (place, { categories }) => (place < categories.length ? place : 9);

const stacks = (ends, counts, picture) =>
  counts.slice(1, -1).flatMap((bin, place) => {
    const sum = bin.reduce((all, one) => all + one, 0);
    let low = 0;
    return bin.flatMap((rows, category) => {
      if (!rows) return [];
      const from = low;
      low += rows / sum;
      return [{ x: ends[place], x2: ends[place + 1], y: from, y2: low, c: colorOf(category, picture) }];
    });
  });

const walked = (at, key, bins, height) => {
  if (at === null) return stepped(null, key, bins * height);
  const [bin, category] = [Math.floor(at / height), at % height];
  if (key === "ArrowUp" || key === "ArrowDown") return bin * height + stepped(category, key, height);
  const to = stepped(bin, key, bins);
  return to === null ? null : to * height + category;
};

const spec = (colors, dates) => ({
  config: config(colors),
  scales: [
    { name: "x", type: dates ? "utc" : "linear", domain: { signal: "xDomain" }, range: "width", nice: false, zero: false },
    { name: "y", type: "linear", domain: [0, 1], range: "height" },
    { name: "color", type: "ordinal", domain: [...colors.categories.keys()], range: colors.categories },
  ],
  axes: [
    { scale: "y", orient: "left", format: "%", tickCount: 4, domain: false, ticks: false, labelPadding: 6 },
    bottomAxis(dates ? { formatType: "utc" } : { format: ",.6~g" }),
  ],
  marks: [{
    type: "rect", interactive: false, from: { data: "stacks" },
    encode: {
      update: {
        x: { scale: "x", field: "x" }, x2: { scale: "x", field: "x2", offset: SEAM },
        y: { scale: "y", field: "y" }, y2: { scale: "y", field: "y2" },
        fill: { scale: "color", field: "c" },
      },
    },
  }],
});

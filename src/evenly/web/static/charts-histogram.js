// How many records there are along the label or the tokens: the pool in grey, what is selected in blue over it.

import { bottomAxis, config, decades, leftAxis, leftTitle, roundUp, stepArea, stepLine, steps, variantLines } from "./charts-look.js";
import { day, milliseconds, number, percent } from "./charts-words.js";
import { interval, Panel, stepped } from "./charts-panel.js";
import { fillLegend, legendList } from "./charts-legend.js";

const PADDING = { left: 50, right: 16, top: 24, bottom: 42 };
const DATE_FORMAT = { year: "%Y", quarter: "%b %Y", month: "%b %Y", week: "%e %b", date: "%e %b", hours: "%H:%M" };

const total = (counts) => counts.reduce((sum, one) => sum + one, 0);

export class Histogram {
  /** @param what "label" or "tokens" */
  constructor(place, what, words, tip, onBar) {
    this.place = place;
    this.what = what;
    this.words = words;
    this.legend = legendList(place);
    this.panel = new Panel(place, tip, onBar);
    this.tops = {};
  }

  async draw({ ground, answer }, variants, { log, share, theme, colors }) {
    const name = this.what === "label" && log && ground.pictures.label_log ? "label_log" : this.what;
    const picture = ground.pictures[name];
    const seen = Boolean(picture && answer.pictures[name]);
    this.place.classList.toggle("empty", !seen);
    if (!seen) return null;
    const shown = { name, share, colors, edges: picture.edges, before: picture.before, after: answer.pictures[name] };
    shown.dates = this.what === "label" && this.words.dates;
    shown.sums = { before: total(shown.before), after: total(shown.after) };
    if (this.ground !== ground.id) [this.ground, this.tops] = [ground.id, {}];
    const data = this._data(shown, ground, variants);
    this._legend(shown, variants);
    return this.panel.draw({
      structure: { key: [theme, name === "label_log", shown.dates].join(), spec: () => this._spec(shown) },
      padding: PADDING, signals: this._signals(shown, data), data,
      places: this._places(shown), text: this._text(shown, ground, answer), cursor: `Bars of ${this._axis(shown)}`,
    });
  }

  /** The paths; one that shows the same as before is the same array, which the panel need not give on. */
  _data(shown, ground, variants) {
    const { name, share, edges, dates } = shown;
    const path = (counts, along, more) => {
      const sum = share ? total(counts) || 1 : 1;
      const inside = counts.slice(1, -1);
      return steps(dates ? along.map(milliseconds) : along, inside.map((one) => one / sum), more);
    };
    const key = [ground.id, name, share].join();
    if (this.poolKey !== key) [this.poolKey, this.pool] = [key, path(shown.before, edges)];
    const lines = variants.filter((one) => one.answer?.pictures?.[name]);
    const same = this.linesKey === key && lines.length === this.lines?.length
      && lines.every((one, place) => one.answer === this.lines[place].answer && one.color === this.lines[place].color);
    if (!same) {
      [this.linesKey, this.lines] = [key, lines.map(({ answer, color }) => ({ answer, color }))];
      this.linePaths = lines.flatMap((one, place) =>
        path(one.answer.pictures[name], one.ground?.pictures?.[name]?.edges ?? edges, { name: place, color: one.color }));
    }
    return { pool: this.pool, selected: path(shown.after, edges), variants: this.linePaths };
  }

  /** The end of the vertical axis: the highest that was seen, so that bars move and not the axis. */
  _top({ name, share }, data) {
    const key = `${name} ${share}`;
    let top = this.tops[key] ?? 0;
    for (const rows of Object.values(data)) for (const row of rows) top = Math.max(top, row.y);
    this.tops[key] = top;
    return share ? Math.min(1, roundUp(top * 1.02)) : roundUp(top * 1.02);
  }

  _signals(shown, data) {
    const { name, share, edges, dates } = shown;
    const ends = [edges[0], edges[edges.length - 1]];
    return {
      xTitle: this._axis(shown), yTitle: share ? "share of each side" : "records",
      xDomain: dates ? ends.map(milliseconds) : ends,
      xTicks: name === "label_log" ? decades(...ends, this.panel.width - PADDING.left - PADDING.right) : null,
      yDomain: [0, this._top(shown, data)], yFormat: share ? ".2~%" : ".3~s",
    };
  }

  _axis({ name }) {
    if (this.what === "tokens") return "tokens of prompt and answer";
    return name === "label_log" ? `${this.words.label}, logarithmic` : this.words.label;
  }

  _spec({ name, colors, dates }) {
    const type = name === "label_log" ? "log" : dates ? "utc" : "linear";
    const marks = dates ? { format: DATE_FORMAT, formatType: "utc" } : { format: ",.6~g" };
    return {
      config: config(colors),
      scales: [
        { name: "x", type, domain: { signal: "xDomain" }, range: "width", nice: false, zero: false },
        { name: "y", type: "linear", domain: { signal: "yDomain" }, range: "height", nice: false, zero: true },
      ],
      axes: [leftAxis({ format: { signal: "yFormat" } }), bottomAxis({ ...marks, values: { signal: "xTicks" } })],
      marks: [
        leftTitle(colors, PADDING.left),
        stepArea("pool", colors.before, 0.5), stepArea("selected", colors.after, 0.35), stepLine("selected", colors.after),
        variantLines(),
      ],
    };
  }

  _places({ name, edges, dates, before, after, sums }) {
    const panel = this.panel;
    const ends = dates ? edges.map(milliseconds) : edges;
    const shown = dates ? day : number;
    const told = (counts, place, sum) => `${number(counts[place + 1])} (${percent(counts[place + 1] / sum)})`;
    return {
      count: edges.length - 1,
      position: (at) => at,
      hit: (x) => {
        const at = interval(ends.map((end) => panel.x(end)), x);
        return at < 0 ? null : at;
      },
      step: (at, key) => stepped(at, key, edges.length - 1),
      describe: (at) => {
        const [left, right] = [panel.x(ends[at]), panel.x(ends[at + 1])];
        return {
          title: `${this.what === "tokens" ? "tokens" : this.words.label} ${shown(edges[at])} – ${shown(edges[at + 1])}`,
          rows: [["in the pool", told(before, at, sums.before)], ["selected", told(after, at, sums.after)]],
          box: { left, top: panel.plot.top, width: right - left, height: panel.plot.height },
          bar: { chart: name, place: at + 1, category: null },
        };
      },
    };
  }

  /** What lies outside is told of the pool alone: a number that changes with each answer could wrap the line. */
  _legend({ colors, before }, variants) {
    const outside = before[0] + before[before.length - 1];
    fillLegend(this.legend, [
      { name: "in the pool", color: colors.before }, { name: "selected", color: colors.after },
      ...variants.map(({ name, color }) => ({ name, color, shape: "line" })),
      ...(outside ? [{ name: "outside the picture", color: "", shape: "none", told: `${number(outside)} of the pool` }] : []),
    ]);
  }

  _text(shown, ground, answer) {
    const told = this.what === "tokens" ? "tokens" : "label";
    const mean = (facts) => (facts?.[told] ? `, mean ${(shown.dates ? day : number)(facts[told].mean)}` : "");
    const [first, last] = [shown.edges[0], shown.edges[shown.edges.length - 1]].map(shown.dates ? day : number);
    return `Distribution of ${this._axis(shown)} from ${first} to ${last}, before and after. `
      + `In the pool ${number(shown.sums.before)} records${mean(ground.facts)}; `
      + `selected ${number(shown.sums.after)}${mean(answer.facts)}.`;
  }

  destroy() {
    this.panel.destroy();
    this.legend.remove();
  }
}

// The strata along a number, with the handle from which on they are taken whole.

import { bottomAxis, config, decades, leftAxis, leftTitle, stepArea, stepLine, steps, variantLines } from "./charts-look.js";
import { capRule, countMarks } from "./charts-marks.js";
import { number, plainNumber } from "./charts-words.js";
import { interval, stepped } from "./charts-panel.js";
import { TakeAllHandle } from "./charts-handle.js";

const PADDING = { left: 50, right: 18, top: 40, bottom: 52 };
const BAND = { top: 3, height: 7 };

export class AlongStrata {
  constructor(panel, onTakeAll) {
    this.panel = panel;
    this.handle = new TakeAllHandle(panel, onTakeAll);
  }

  async draw(shown, variants, settings, text) {
    if (this.id !== shown.id) this._newGround(shown);
    this.handle.say = shown.plain ? plainNumber : number;
    this.handle.axis = shown.axis;
    const end = shown.top * 1.25;
    await this.panel.draw({
      structure: { key: ["along", settings.theme, this.log].join(), spec: () => this._spec(settings.colors) },
      padding: PADDING, signals: this._signals(shown, end), data: this._data(shown, variants, settings, end),
      places: this._places(shown), text, cursor: `Strata of ${shown.axis}`,
    });
    this.handle.place(this.xs, this.edges);
  }

  /** What stays the same while quotas change: which strata are drawn, and where one ends and the next begins. */
  _newGround({ id, x, N, logarithmic }) {
    this.id = id;
    this.drawn = [...x.keys()].filter((at) => x[at] !== null).sort((one, other) => x[one] - x[other]);
    const values = this.drawn.map((at) => x[at]);
    this.log = Boolean(logarithmic) && values.length > 0 && values[0] > 0;
    this.xs = [...new Set(values)];
    this.edges = edgesBetween(this.xs, this.log);
    this.whole = new Map(this.xs.map((value, place) => [value, place]));
    this.place = this.drawn.map((at) => this.whole.get(x[at]));
    this.pool = steps(this.edges, this._summed(N));
    this.lines = null;
  }

  /** Counts by distinct value: strata of the same value are one step. */
  _summed(counts) {
    const sums = new Array(this.xs.length).fill(0);
    this.drawn.forEach((at, order) => { sums[this.place[order]] += counts[at]; });
    return sums;
  }

  shows(variants, ground) {
    return variants.some((one) => comparable(one, ground.strata));
  }

  _data(shown, variants, { colors, theme }, end) {
    const n = this._summed(shown.n);
    const wanted = this._summed(shown.wanted).map((one) => Math.min(one, end));
    return {
      pool: this.pool, selected: steps(this.edges, n), missing: gaps(this.edges, n, wanted),
      bands: this._bands(shown.bound, colors), cap: capRule(shown.cap, end), variants: this._lines(shown, variants, theme),
    };
  }

  _lines(shown, variants, theme) {
    const lines = variants.filter((one) => comparable(one, shown));
    const key = [theme, ...lines.map(({ color }) => color)].join();
    const same = this.lines && this.linesKey === key && lines.length === this.lines.length
      && lines.every(({ answer }, place) => answer === this.lines[place]);
    if (same) return this.linePaths;
    [this.linesKey, this.lines] = [key, lines.map(({ answer }) => answer)];
    this.linePaths = lines.flatMap(({ ground, answer, color }, place) => {
      const { x } = ground.strata;
      const drawn = [...x.keys()].filter((at) => x[at] !== null).sort((one, other) => x[one] - x[other]);
      const edges = edgesBetween(drawn.map((at) => x[at]), this.log);
      return steps(edges, drawn.map((at) => answer.strata.n[at]), { name: place, color });
    });
    return this.linePaths;
  }

  /** What sets the quotas, neighbours with the same together. */
  _bands(bound, colors) {
    const bands = [];
    this.drawn.forEach((at, order) => {
      const [from, to] = [this.edges[this.place[order]], this.edges[this.place[order] + 1]];
      const last = bands[bands.length - 1];
      if (last && last.bound === bound[at]) last.to = to;
      else bands.push({ from, to, bound: bound[at], color: colors.bounds[bound[at]] ?? colors.bounds[""] });
    });
    return bands;
  }

  _signals({ axis, plain, top }, end) {
    const ends = this.xs.length ? [this.edges[0], this.edges[this.edges.length - 1]] : [0, 1];
    const width = this.panel.width - PADDING.left - PADDING.right;
    return {
      xTitle: axis, yTitle: "records, logarithmic", xDomain: ends, yDomain: [0, end], yTicks: countMarks(top),
      xTicks: this.log ? decades(...ends, width) : null, xFormat: plain ? ".6~g" : ",.6~g", xStep: plain ? 1 : 0,
    };
  }

  _spec(colors) {
    return {
      config: config(colors),
      scales: [
        { name: "x", type: this.log ? "log" : "linear", domain: { signal: "xDomain" }, range: "width", nice: false, zero: false },
        { name: "y", type: "symlog", domain: { signal: "yDomain" }, range: "height", nice: false, zero: false },
      ],
      axes: [
        leftAxis({ values: { signal: "yTicks" }, tickCount: 1000, format: ".3~s", labelOverlap: "greedy" }),
        bottomAxis({
          values: { signal: "xTicks" }, format: { signal: "xFormat" }, tickMinStep: { signal: "xStep" },
          offset: BAND.top + BAND.height + 1, domain: false,
        }),
      ],
      marks: [
        { ...leftTitle(colors, PADDING.left), encode: aboveTheHandle(leftTitle(colors, PADDING.left).encode) },
        stepArea("pool", colors.before, 0.5),
        stepArea("missing", colors.accent, 0.35, { scale: "y", field: "low" }),
        stepArea("selected", colors.after, 0.4), stepLine("selected", colors.after, 1.25),
        bandMarks(), variantLines(1), ...capMarks(colors),
      ],
    };
  }

  _places({ said }) {
    const panel = this.panel;
    return {
      count: this.drawn.length,
      position: (at) => at,
      hit: (x) => {
        const found = interval(this.edges.map((edge) => panel.x(edge)), x);
        return found < 0 ? null : this.place.indexOf(found);
      },
      step: (at, key) => stepped(at, key, this.drawn.length),
      describe: (at) => {
        const [left, right] = [this.place[at], this.place[at] + 1].map((edge) => panel.x(this.edges[edge]));
        const box = { left, top: panel.plot.top, width: right - left, height: panel.plot.height + BAND.top + BAND.height };
        return { ...said(this.drawn[at]), box };
      },
    };
  }

  leave(forGood = false) {
    this.id = null;
    if (forGood) this.handle.destroy();
    else this.handle.hide();
  }
}

const comparable = ({ ground, answer }, { axis, kind }) =>
  Boolean(answer?.strata) && ground?.strata?.kind === kind && ground.strata.axis === axis;

/** Where neighbouring strata meet: half way, on a logarithmic axis in ratios; the outer ones are as wide as their neighbours. */
const edgesBetween = (xs, log) => {
  if (!xs.length) return [];
  const [to, back] = log ? [Math.log, Math.exp] : [(value) => value, (value) => value];
  const at = xs.map(to);
  const middles = at.slice(1).map((value, place) => (value + at[place]) / 2);
  const first = middles.length ? middles[0] - at[0] : log ? 0.1 : 0.5;
  const last = middles.length ? at[at.length - 1] - middles[middles.length - 1] : first;
  return [at[0] - first, ...middles, at[at.length - 1] + last].map(back);
};

/** The path between what is drawn and what is wanted where that is more. */
const gaps = (edges, n, wanted) => {
  if (!wanted.some((one, place) => one > n[place])) return NO_GAPS;
  const path = n.map((low, place) => ({ x: edges[place], low, y: Math.max(low, wanted[place]) }));
  path.push({ ...path[path.length - 1], x: edges[edges.length - 1] });
  return path;
};
const NO_GAPS = [];

const aboveTheHandle = ({ enter, update }) => ({ enter: { ...enter, y: { value: -26 } }, update });

const bandMarks = () => ({
  type: "rect", interactive: false, from: { data: "bands" },
  encode: {
    enter: { height: { value: BAND.height } },
    update: {
      x: { scale: "x", field: "from" }, x2: { scale: "x", field: "to" }, y: { signal: `height + ${BAND.top}` },
      fill: { field: "color" },
    },
  },
});

const capMarks = (colors) => {
  const y = { scale: "y", field: "y" };
  const text = (more) => ({
    type: "text", interactive: false, from: { data: "cap" },
    encode: {
      enter: { align: { value: "left" }, baseline: { value: "bottom" }, fontSize: { value: 11 }, ...more },
      update: { x: { value: 4 }, y: { ...y, offset: -3 }, text: { field: "text" } },
    },
  });
  const rule = {
    type: "rule", interactive: false, from: { data: "cap" },
    encode: {
      enter: { stroke: { value: colors.ink }, strokeWidth: { value: 1 }, strokeDash: { value: [4, 3] } },
      update: { x: { value: 0 }, x2: { signal: "width" }, y },
    },
  };
  const halo = {
    stroke: { value: colors.paper }, strokeWidth: { value: 3 }, strokeOpacity: { value: 0.85 }, strokeJoin: { value: "round" },
  };
  return [rule, text(halo), text({ fill: { value: colors.ink } })];
};

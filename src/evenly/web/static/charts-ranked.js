// The strata by name, the largest first: a bar of N with one of n in it, each with the colour of what sets its quota.

import { config } from "./charts-look.js";
import { capRule, countMarks } from "./charts-marks.js";
import { spelled } from "./charts-words.js";
import { stepped } from "./charts-panel.js";

const ROW = 19;
const EDGES = { right: 20, top: 24, bottom: 42 };
const NAMES = { least: 84, most: 230, share: 0.34 };
const MARK = 7;

export class RankedStrata {
  constructor(panel, place) {
    this.panel = panel;
    this.whole = place;
  }

  async draw(shown, variants, settings, text) {
    this._makeRoom(shown.names.length);
    const left = Math.round(Math.min(NAMES.most, Math.max(NAMES.least, this.panel.width * NAMES.share)));
    const end = shown.top * 1.25;
    await this.panel.draw({
      structure: { key: ["ranked", settings.theme].join(), spec: () => spec(settings.colors) },
      padding: { ...EDGES, left },
      signals: {
        xTitle: "records, logarithmic", xDomain: [0, end], xTicks: countMarks(shown.top), yDomain: [...shown.names.keys()],
        names: shown.names.map(spelled), room: left - MARK - 12,
      },
      data: this._data(shown, variants, settings, end), places: this._places(shown), text, cursor: `Strata of ${shown.axis}`,
    });
  }

  /** Each stratum has a row: so many need more height than others, and it changes with the strata alone. */
  _makeRoom(rows) {
    const height = `${Math.max(4, rows) * ROW + EDGES.top + EDGES.bottom}px`;
    if (this.height === height) return;
    this.height = height;
    this.whole.classList.add("ranked");
    this.panel.holder.style.minHeight = height;
    this.panel.measure();
  }

  shows(variants, ground) {
    return variants.some(({ ground: own, answer }) => answer?.strata && own?.strata?.axis === ground.strata.axis);
  }

  _data({ names, N, n, wanted, bound, cap, id, axis }, variants, { colors }, end) {
    if (this.id !== id) [this.id, this.pool] = [id, N.map((x, y) => ({ y, x }))];
    return {
      pool: this.pool,
      selected: n.map((x, y) => ({ y, x, color: colors.bounds[bound[y]] ?? colors.bounds[""] })),
      missing: n.flatMap((x, y) => (wanted[y] > x ? [{ y, x, x2: Math.min(wanted[y], end) }] : [])),
      cap: capRule(cap, end), variants: ticks(names, axis, variants, end),
    };
  }

  _places({ names, said }) {
    const panel = this.panel;
    const step = () => panel.plot.height / names.length;
    return {
      count: names.length,
      position: (at) => at,
      hit: (x, y) => Math.min(names.length - 1, Math.floor((y - panel.plot.top) / step())),
      step: (at, key) => stepped(at, { ArrowDown: "ArrowUp", ArrowUp: "ArrowDown" }[key] ?? key, names.length),
      describe: (at) => ({
        ...said(at), box: { left: panel.plot.left, top: panel.plot.top + at * step(), width: panel.plot.width, height: step() },
      }),
    };
  }

  leave() {
    if (!this.height) return;
    this.height = this.id = null;
    this.whole.classList.remove("ranked");
    this.panel.holder.style.minHeight = "";
    this.panel.measure();
  }
}

/** What other plans draw of the same strata. */
const ticks = (names, axis, variants, end) =>
  variants.flatMap(({ ground, answer, color }) => {
    if (!answer?.strata || ground?.strata?.axis !== axis) return [];
    const places = new Map(ground.strata.names.map((name, place) => [name, place]));
    return names.flatMap((name, y) =>
      places.has(name) ? [{ y, x: Math.min(end, answer.strata.n[places.get(name)]), color }] : []);
  });

const bars = (data, inset, encode) => ({
  type: "rect", interactive: false, from: { data },
  encode: {
    update: { y: { scale: "y", field: "y", offset: inset }, height: { scale: "y", band: 1, offset: -2 * inset }, ...encode },
  },
});

const spec = (colors) => {
  const x = (field) => ({ scale: "x", field });
  const zero = { scale: "x", value: 0 };
  return {
    config: config(colors),
    scales: [
      { name: "x", type: "symlog", domain: { signal: "xDomain" }, range: "width", nice: false, zero: false },
      { name: "y", type: "band", domain: { signal: "yDomain" }, range: "height" },
    ],
    axes: [
      {
        scale: "x", orient: "bottom", values: { signal: "xTicks" }, tickCount: 1000, format: ".3~s", labelOverlap: "greedy", grid: true,
        title: { signal: "xTitle" }, titlePadding: 6, domain: false, ticks: false, labelPadding: 6,
      },
      {
        scale: "y", orient: "left", ticks: false, domain: false, labelPadding: MARK + 6, labelLimit: { signal: "room" },
        labelOverlap: false, encode: { labels: { update: { text: { signal: "names[datum.value]" } } } },
      },
    ],
    marks: [
      bars("pool", 2, { x: zero, x2: x("x"), fill: { value: colors.before }, fillOpacity: { value: 0.5 } }),
      bars("missing", 5, { x: x("x"), x2: x("x2"), fill: { value: colors.accent }, fillOpacity: { value: 0.6 } }),
      bars("selected", 5, { x: zero, x2: x("x"), fill: { value: colors.after }, fillOpacity: { value: 0.9 } }),
      bars("selected", 3, { x: { value: -MARK - 3 }, width: { value: MARK }, fill: { field: "color" } }),
      bars("variants", 1, { x: { scale: "x", field: "x", offset: -1 }, width: { value: 2.5 }, fill: { field: "color" } }),
      ...cap(colors),
    ],
  };
};

const cap = (colors) => {
  const x = { scale: "x", field: "y" };
  return [
    {
      type: "rule", interactive: false, from: { data: "cap" },
      encode: {
        enter: { stroke: { value: colors.ink }, strokeDash: { value: [4, 3] } },
        update: { x, y: { value: 0 }, y2: { signal: "height" } },
      },
    },
    {
      type: "text", interactive: false, from: { data: "cap" },
      encode: {
        enter: { fill: { value: colors.ink }, fontSize: { value: 11 }, baseline: { value: "bottom" } },
        update: { x, y: { value: -4 }, text: { field: "text" }, align: { signal: "scale('x', datum.y) > width / 2 ? 'right' : 'left'" } },
      },
    },
  ];
};

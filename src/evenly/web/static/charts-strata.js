// What is drawn of each stratum: N in grey, n in blue over it, what is wanting in red, and what sets each quota.
//
// Along a number the strata are paths in steps: a thousand bars of Vega take several times as long as three areas.

import { AlongStrata } from "./charts-along.js";
import { RankedStrata } from "./charts-ranked.js";
import { BOUND_WORDS, number, percent, spelled } from "./charts-words.js";
import { Panel } from "./charts-panel.js";
import { fillLegend, legendList } from "./charts-legend.js";

/** In which order a legend names what sets quotas. */
const BOUNDS = Object.keys(BOUND_WORDS);

export class Strata {
  constructor(place, tip, onBar, onTakeAll) {
    this.place = place;
    this.legend = legendList(place);
    this.panel = new Panel(place, tip, onBar);
    this.kinds = { along: new AlongStrata(this.panel, onTakeAll), ranked: new RankedStrata(this.panel, place) };
  }

  async draw(view, variants, settings) {
    const { ground, answer } = view;
    const kind = this.kinds[ground.strata.kind] ?? this.kinds.ranked;
    if (this.ground !== ground.id) this._newGround(ground);
    this._see(answer.strata);
    for (const other of Object.values(this.kinds)) if (other !== kind) other.leave();
    this._legend(view, variants, settings, kind);
    const shown = { ...ground.strata, ...answer.strata, id: ground.id, top: this.top, said: (at) => this._said(view, at) };
    return kind.draw(shown, variants, settings, this._text(view));
  }

  moveHandle(takeAll) {
    this.kinds.along.handle.set(takeAll);
  }

  _newGround(ground) {
    this.ground = ground.id;
    this.top = Math.max(1, ...ground.strata.N);
    this.seen = new Set();
  }

  /** What the axis and the legend must have room for: they only grow, so that nothing jumps while a slider moves. */
  _see({ n, bound }) {
    for (const rows of n) if (rows > this.top) this.top = rows; // rows that repeat records are more than N
    for (const one of bound) this.seen.add(one);
  }

  _legend({ ground, answer }, variants, { colors }, kind) {
    const counts = new Map();
    for (const one of answer.strata.bound) counts.set(one, (counts.get(one) ?? 0) + 1);
    if (ground.strata.N.length === ground.strata.count) for (const one of this.seen) counts.set(one, counts.get(one) ?? 0);
    else counts.clear(); // several strata are one place here: of the whole set the server knows
    for (const { bound, strata } of answer.bounds ?? []) counts.set(bound, strata);
    const short = answer.strata.wanted.filter((wanted, at) => wanted > answer.strata.n[at]).length;
    const room = number(ground.strata.count).length;
    fillLegend(this.legend, [
      { name: "in the pool", color: colors.before }, { name: "selected", color: colors.after },
      { name: "shortfall", color: colors.accent, told: number(short), room },
      ...BOUNDS.filter((one) => this.seen.has(one)).map((one) => ({
        name: BOUND_WORDS[one], color: colors.bounds[one], shape: "band", told: counts.has(one) ? number(counts.get(one)) : "", room,
      })),
      ...(kind.shows(variants, ground) ? variants.map(({ name, color }) => ({ name, color, shape: "line" })) : []),
    ]);
  }

  /** What there is to tell about one stratum. */
  _said({ ground, answer }, at) {
    const [N, n, wanted] = [ground.strata.N[at], answer.strata.n[at], answer.strata.wanted[at]];
    return {
      title: `${ground.strata.axis} ${spelled(ground.strata.names[at])}`,
      rows: [
        ["in the pool", number(N)],
        ...(wanted > n ? [["wanted", number(wanted)]] : []),
        ["selected", N ? `${number(n)} (${percent(n / N)} of it)` : number(n)],
        ["quota set by", BOUND_WORDS[answer.strata.bound[at]] ?? answer.strata.bound[at]],
      ],
      bar: { chart: "strata", place: at, category: null },
    };
  }

  _text({ ground, answer }) {
    const { axis, count, N } = ground.strata;
    const bounds = (answer.bounds ?? []).map(({ bound, strata }) => `${number(strata)} ${BOUND_WORDS[bound] ?? bound}`);
    const hidden = (ground.strata.x ?? []).filter((x) => x === null).length;
    return `Allocation over ${number(count)} strata of ${axis}. The largest has ${number(Math.max(...N))} records in the pool, `
      + `the largest selection is ${number(Math.max(...answer.strata.n))}. `
      + (answer.strata.cap === null || answer.strata.cap === undefined ? "" : `The cap is ${number(answer.strata.cap)}. `)
      + (bounds.length ? `Quotas are set by: ${bounds.join(", ")}. ` : "")
      + (hidden ? `Not drawn: ${number(hidden)} without a value. ` : "");
  }

  destroy() {
    for (const kind of Object.values(this.kinds)) kind.leave(true);
    this.panel.destroy();
    this.legend.remove();
  }
}

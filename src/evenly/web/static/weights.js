// Shares of the categories, before and after, with a slider for the weight of each.

import { isTable, kindOf, weightOf, withWeight } from "./balance.js";
import { el, say } from "./dom.js";
import { slider } from "./inputs.js";
import { number, percent } from "./numbers.js";
import { copy } from "./state.js";

const SHOWN = 12; // categories, before one asks for all

// A name may go on in the next line after what joins its words.
const broken = (name) => name.split(/(?<=[_/.-])/u).flatMap((part) => [part, el("wbr")]);

export class Weights {
  // ask(question, about), blame(faults)
  constructor(place, actions, told, controls, ask) {
    Object.assign(this, { place, actions, told, controls, ask, all: false });
    this.reset = el("button", { type: "button", text: "Reset weights", on: { click: () => this.restore() } });
    this.equal = el("button", { type: "button", text: "Equal shares", on: { click: () => this.even() } });
    actions.append(el("code", { class: "key", text: "balance.weight" }), this.equal, this.reset);
  }

  restore() {
    const next = copy(this.controls.balance);
    if (this.controls.base.weight === undefined) delete next.weight;
    else next.weight = copy(this.controls.base.weight);
    this.controls.change(next);
  }

  async even() {
    this.equal.disabled = true;
    try {
      const weight = await this.ask("equal-shares", { state: this.controls.store.now });
      this.controls.change({ ...copy(this.controls.balance), weight });
    } catch (fault) {
      this.controls.failed(fault);
    } finally {
      this.equal.disabled = false;
    }
  }

  show({ ground, answer }) {
    const { categories } = ground;
    this.place.closest("section").hidden = !categories;
    if (!categories) return;
    const table = this.tableOf(ground);
    if (this.drawn !== ground.id || this.was !== table) this.draw(ground, table);
    const beforeAll = ground.facts.rows;
    const afterAll = answer.facts.rows;
    const largest = Math.max(...categories.before.map((rows) => rows / beforeAll), ...answer.categories.after.map((rows) => rows / Math.max(1, afterAll)), 1e-9);
    this.rows.forEach((row, place) => {
      const before = categories.before[place];
      const after = answer.categories.after[place];
      say(row.before, percent(before, beforeAll));
      say(row.after, percent(after, afterAll));
      say(row.count, number(after));
      row.bars[0].style.width = `${(100 * before) / beforeAll / largest}%`;
      row.bars[1].style.width = `${(100 * after) / Math.max(1, afterAll) / largest}%`;
      row.weight?.set(weightOf(this.controls.balance, ground.category, row.name));
    });
    const rest = categories.others.count;
    say(this.told, `Shares of ${ground.category} in the pool (grey) and as selected (blue).${table ? this.effectOf(ground) : " The recipe weighs records by an expression; by category they have no weight of their own."}${rest ? ` ${number(rest)} more share ${percent(answer.categories.others, afterAll)}.` : ""}`);
  }

  // What a weight does: within strata that are of one category each, nothing.
  effectOf({ category }) {
    const { policy, strata } = this.controls.balance;
    if (policy === "weighted") return " A weight makes the records of a category likelier to be drawn.";
    const axis = strata.find((one) => one.column === category);
    if (axis && kindOf(axis) === "value") return " The strata are of one category each: quotas decide, and weights change nothing.";
    return ` A weight makes a category likelier within ${axis ? "strata of several" : "each stratum"}; what is taken whole has none to choose from.`;
  }

  // Whether weights can be set by category.
  tableOf(ground) {
    const { weight } = this.controls.balance;
    return weight === undefined || (isTable(weight) && weight.column === ground.category);
  }

  draw(ground, table) {
    this.drawn = ground.id;
    this.was = table;
    this.equal.hidden = this.reset.hidden = !table && this.controls.base.weight === undefined;
    const { names, shown } = ground.categories;
    const kept = this.all ? names.length : Math.min(SHOWN, names.length);
    this.rows = names.slice(0, kept).map((name, place) => this.row(name, shown[place], ground, table));
    const head = ["", "pool", "selected", "records", ...(table ? ["weight"] : [])].map((text, place) => el(place ? "th" : "td", { scope: place ? "col" : undefined, text }));
    const body = el("tbody", {}, ...this.rows.map((row) => row.node));
    this.place.replaceChildren(el("table", { class: "weights" }, el("thead", {}, el("tr", {}, ...head)), body));
    if (kept < names.length) {
      this.place.append(el("button", { type: "button", text: `Show all ${names.length}`, on: { click: () => { this.all = true; this.draw(ground, table); this.controls.store.changed(); this.rows[kept].node.querySelector("button").focus(); } } }));
    }
  }

  row(name, shown, ground, table) {
    const bars = [el("span", { class: "bar before" }), el("span", { class: "bar after" })];
    const [before, after, count] = [el("td"), el("td"), el("td")];
    const head = el("th", { scope: "row" }, el("button", { type: "button", class: "plain", title: "Show records", on: { click: () => this.onBar(ground.categories.names.indexOf(name)) } }, el("bdi", {}, ...broken(shown))), el("span", { class: "bars", "aria-hidden": "true" }, ...bars));
    const weight = table
      ? slider({
        low: 0.01, high: 100, scale: "log", value: weightOf(this.controls.balance, ground.category, name) ?? 1, label: `Weight of ${shown}`,
        heard: (value, done) => value >= 0 && this.controls.change(withWeight(this.controls.balance, ground.category, name, value), done),
      })
      : null;
    return { name, before, after, count, bars, weight, node: el("tr", {}, head, before, after, count, ...(weight ? [el("td", { class: "control", data: { key: `balance.weight.values.${name}` } }, weight.node, el("p", { class: "fault", hidden: true }))] : [])) };
  }
}

// The controls of the balance, each with its recipe key beside it. They are drawn from the state, and drawn anew only
// where their kind changes: while one is moved, only values are set.

import {
  KINDS, POLICIES, SHORTFALLS, amountOf, freshAxis, kindOf, rangeOf, thresholdOf, withAmount, withAxes, withKey, withKind,
  withPolicy, withRange, withThreshold,
} from "./balance.js";
import { el } from "./dom.js";
import { button, field, group, select, slider, toNumber, toWhole } from "./inputs.js";

export class Controls {
  // about: what the server says once; change(balance or {seed}, done)
  constructor(form, about, store) {
    this.form = form;
    this.about = about;
    this.store = store;
    this.base = about.state.balance;
    this.shape = "";
    this.highest = about.records; // rows of the largest stratum, once an answer has told them
    this.selected = 0;
    this.setters = [];
    form.addEventListener("submit", (event) => event.preventDefault());
  }

  get balance() {
    return this.store.now.balance;
  }

  change(balance, done = true) {
    this.store.change({ ...this.store.now, balance }, done);
  }

  // Draws what the state's shape asks for, and sets the values.
  show() {
    const { balance } = this;
    const shape = JSON.stringify([
      balance.policy, amountOf(balance).kind, balance.take_all !== undefined, typeof thresholdOf(balance),
      (balance.strata || []).map((axis) => [axis.column, kindOf(axis)]),
      typeof balance.target === "object" ? Object.keys(balance.target) : balance.target,
      Object.entries(balance.marginals || {}).map(([column, wanted]) => [column, typeof wanted]),
    ]);
    if (shape !== this.shape) this.draw(shape);
    for (const set of this.setters) set();
  }

  draw(shape) {
    const focus = document.activeElement?.closest?.(".control, button")?.dataset?.key;
    this.shape = shape;
    this.setters = [];
    this.form.replaceChildren(this.quotas(), ...(this.balance.policy === "weighted" ? [] : [this.whole(), this.strata()]), this.filters(), this.seed());
    if (focus) this.form.querySelector(`[data-key="${CSS.escape(focus)}"] :is(input, select)`)?.focus();
  }

  // Adds a part whose value is read from the state whenever that changes.
  bound(part, read) {
    this.setters.push(() => part.set(read()));
    return part.node;
  }

  quotas() {
    const { balance, about } = this;
    const options = Object.fromEntries(about.policies.map((name) => [name, `${name}: ${POLICIES[name] ?? ""}`]));
    const parts = [
      this.bound(select({
        name: "Policy", key: "balance.policy", options, value: balance.policy,
        heard: (policy) => this.change(withPolicy(this.balance, policy, { base: this.base, selected: this.selected, columns: about.columns })),
      }), () => this.balance.policy),
      this.amount(),
    ];
    if (balance.policy === "power") {
      parts.push(this.bound(slider({
        name: "Alpha: 0 is equal, 1 as the pool", key: "balance.alpha", low: 0, high: 1, value: balance.alpha, digits: 2,
        heard: (value, done) => this.change(withKey(this.balance, "alpha", value), done),
      }), () => this.balance.alpha));
    }
    if (balance.policy === "unimax") {
      parts.push(this.bound(field({
        name: "Times a record may be repeated", key: "balance.epochs", value: balance.epochs, read: toWhole, expected: "a whole number above 0", mode: "numeric",
        heard: (value) => value && this.change(withKey(this.balance, "epochs", value)),
      }), () => this.balance.epochs));
    }
    if (balance.policy === "target") parts.push(...this.wanted("target", balance.target ?? "uniform", this.base.target, (value) => this.change(withKey(this.balance, "target", value), true), (value, done) => this.change(withKey(this.balance, "target", value), done)));
    if (balance.policy === "rake") {
      for (const column of Object.keys(balance.marginals ?? {})) {
        const set = (value, done = true) => this.change(withKey(this.balance, "marginals", { ...this.balance.marginals, [column]: value }), done);
        parts.push(...this.wanted(`marginals.${column}`, balance.marginals[column], this.base.marginals?.[column], set, set));
      }
    }
    if (balance.policy !== "weighted") parts.push(this.limits());
    parts.push(this.bound(select({
      name: "Where strata hold too little", key: "balance.shortfall", options: SHORTFALLS, value: balance.shortfall,
      heard: (value) => this.change(withKey(this.balance, "shortfall", value)),
    }), () => this.balance.shortfall ?? "error"));
    return group("How many", ...parts);
  }

  // cap, size or tokens: a choice of which, and a slider for it
  amount() {
    const { balance, about } = this;
    const { kind, value } = amountOf(balance);
    const kinds = { ...(balance.policy === "cap" ? { cap: "of each stratum" } : {}), size: "rows in all", ...(about.counted ? { tokens: "tokens in all" } : {}) };
    const highest = () => ({ cap: Math.max(2, this.highest), size: about.records, tokens: Math.max(2, this.tokens || about.records * 200) })[kind];
    const start = () => ({ cap: this.level || 100, size: Math.max(1, this.selected), tokens: Math.max(1, this.spent || 1) }); // as it is then
    const which = el("div", { class: "choice", role: "radiogroup", "aria-label": "What is limited" },
      ...Object.entries(kinds).map(([one, text]) => el("label", {},
        el("input", { type: "radio", name: "amount", value: one, ...(one === kind ? { checked: true } : {}), on: { change: () => this.change(withAmount(this.balance, { [one]: start()[one] })) } }), text)));
    const key = { cap: "balance.cap", size: "balance.size", tokens: "balance.size.tokens" }[kind];
    const part = slider({
      name: { cap: "At most, of a stratum", size: "Rows in all", tokens: "Tokens in all" }[kind], key,
      low: 1, high: highest(), value, scale: "log", whole: true, digits: kind === "cap" ? 3 : 4,
      heard: (found, done) => found > 0 && this.change(withAmount(this.balance, { [kind]: found }), done),
    });
    this.setters.push(() => part.set(amountOf(this.balance).value, highest()));
    return el("div", {}, which, part.node);
  }

  // A wanted distribution: even, lognormal, or the recipe's own.
  wanted(name, wanted, own, choose, move) {
    const kind = wanted === "uniform" ? "uniform" : wanted.lognormal ? "lognormal" : "own";
    const others = own !== undefined && own !== "uniform" && !own.lognormal;
    const options = { uniform: "even", lognormal: "lognormal", ...(others ? { own: own.values ? "the recipe's shares" : "as in the recipe's files" } : {}) };
    const start = () => ({ uniform: "uniform", lognormal: { lognormal: own?.lognormal ?? { median: this.middle || 1, sigma: 1 } }, own });
    const parts = [select({ name: name === "target" ? "Wanted" : `Wanted of ${name.slice(10)}`, key: `balance.${name}`, options, value: kind, heard: (one) => choose(start()[one]) }).node];
    if (kind === "lognormal") {
      const at = () => (name === "target" ? this.balance.target : this.balance.marginals[name.slice(10)])?.lognormal;
      const { median } = wanted.lognormal;
      for (const [one, low, high, scale] of [["median", median / 100, median * 100, "log"], ["sigma", 0.05, 4, "linear"]]) {
        parts.push(this.bound(slider({
          name: one === "median" ? "Its median" : "Its width (sigma)", key: `balance.${name}.lognormal.${one}`, low, high, scale, value: wanted.lognormal[one],
          heard: (value, done) => value > 0 && move({ lognormal: { ...at(), [one]: value } }, done),
        }), () => at()?.[one]));
      }
    }
    return parts;
  }

  limits() {
    const part = (key, name) => this.bound(field({
      name, key: `balance.${key}`, value: this.balance[key], read: toWhole, expected: "a whole number above 0", hint: "none", mode: "numeric",
      heard: (value) => this.change(withKey(this.balance, key, value)),
    }), () => this.balance[key]);
    return el("div", { class: "pair" }, part("min", "At least"), part("max", "At most"));
  }

  whole() {
    const { balance } = this;
    const on = balance.take_all !== undefined;
    const box = el("input", { type: "checkbox", ...(on ? { checked: true } : {}), on: {
      change: () => this.change(box.checked ? this.startWhole() : withKey(this.balance, "take_all", null)),
    } });
    const parts = [el("label", { class: "check" }, box, "Take the strata beyond a threshold whole"), ...(on ? [] : [el("code", { class: "key", text: "balance.take_all" })])];
    if (on) {
      parts.push(this.bound(field({
        name: "Condition on a stratum", key: "balance.take_all", value: balance.take_all,
        heard: (text) => this.change(withKey(this.balance, "take_all", text)),
      }), () => this.balance.take_all));
      if (typeof thresholdOf(balance) === "number") parts.push(el("p", { class: "hint", text: "Or drag the handle in the picture of the allocation." }));
    }
    return group("Taken whole", ...parts);
  }

  startWhole() {
    if (this.base.take_all !== undefined) return withKey(this.balance, "take_all", this.base.take_all);
    return withThreshold(this.balance, this.rare ?? 0);
  }

  strata() {
    const axes = this.balance.strata || [];
    const others = this.about.columns.filter((column) => !axes.some((axis) => axis.column === column.name));
    const more = button("Add an axis", () => this.change(withAxes(this.balance, [...this.balance.strata, freshAxis(others[0], this.base)])));
    return group("Strata", ...axes.map((axis, place) => this.axis(axis, place)), ...(others.length ? [more] : []));
  }

  axis(axis, place) {
    const kind = kindOf(axis);
    const column = this.about.columns.find((one) => one.name === axis.column);
    const put = (next, done = true) => this.change(withAxes(this.balance, this.balance.strata.map((one, at) => (at === place ? next : one))), done);
    const now = () => this.balance.strata[place] || {};
    const own = (this.base.strata || []).find((one) => one.column === axis.column);
    const fits = column?.kind === "number" ? ["value", "round", "width", "log", "quantile"] : ["value", "other_below"];
    const kinds = [...new Set([...fits, ...(own ? [kindOf(own)] : []), kind])];
    const key = `balance.strata.${place}`;
    const columns = Object.fromEntries([...new Set([axis.column, ...this.about.columns.map((one) => one.name)])].map((name) => [name, name]));
    const parts = [
      select({ name: "Column", key: `${key}.column`, options: columns, value: axis.column, heard: (name) => put(freshAxis(this.about.columns.find((one) => one.name === name), this.base)) }).node,
      select({ name: "Strata are", key: kind === "value" ? key : `${key}.${kind}`, options: Object.fromEntries(kinds.map((one) => [one, KINDS[one]])), value: kind, heard: (one) => put(withKind(now(), one, own)) }).node,
    ];
    const ranges = { round: [0.01, 1000, "log", false], width: [0.01, 10000, "log", false], log: [1.01, 10, "log", false], quantile: [2, 1000, "log", true], other_below: [0.0001, 0.5, "log", false] };
    if (ranges[kind] && typeof axis[kind] === "number") {
      const [low, high, scale, whole] = ranges[kind];
      parts.push(this.bound(slider({
        name: KINDS[kind], key: `${key}.${kind}`, low, high, scale, whole, value: axis[kind],
        heard: (value, done) => value > 0 && put({ ...now(), [kind]: value }, done),
      }), () => now()[kind]));
    }
    if (column?.kind === "number" && kind !== "part") {
      const end = (name, label) => this.bound(field({
        name: label, key: `${key}.${name}`, value: axis[name], read: toNumber, expected: "a number", hint: "open", mode: "decimal",
        heard: (value) => put(withKey(now(), name, value)),
      }), () => now()[name]);
      parts.push(el("div", { class: "pair" }, end("min", "From"), end("max", "Up to")));
    }
    if (this.balance.strata.length > 1) parts.push(button("Take this axis out", () => this.change(withAxes(this.balance, this.balance.strata.filter((_, at) => at !== place)))));
    return el("div", { class: "axis", role: "group", "aria-label": `Axis ${place + 1}: ${axis.column}` }, ...parts);
  }

  filters() {
    const { about } = this;
    const numeric = about.columns.some((column) => column.name === about.label && column.kind === "number");
    const parts = [];
    for (const column of [...(numeric ? [about.label] : []), ...(about.counted ? ["tokens"] : [])]) {
      const end = (name, label) => this.bound(field({
        name: label, key: "balance.filter", value: rangeOf(this.balance.filter, column)[name], read: toNumber, expected: "a number", hint: "open", mode: "decimal",
        heard: (value) => this.change(withKey(this.balance, "filter", withRange(this.balance.filter, column, { ...rangeOf(this.balance.filter, column), [name]: value ?? undefined }))),
      }), () => rangeOf(this.balance.filter, column)[name]);
      parts.push(el("div", { class: "pair" }, end("low", `${column} from`), end("high", `${column} up to`)));
    }
    parts.push(this.bound(field({
      name: "Condition on a record", key: "balance.filter", value: this.balance.filter, hint: "all records",
      heard: (text) => this.change(withKey(this.balance, "filter", text)),
    }), () => this.balance.filter));
    return group("Filters", ...parts);
  }

  seed() {
    const put = (seed) => seed !== null && this.store.change({ ...this.store.now, seed });
    const read = (text) => (/^\d{1,19}$/.test(text.trim()) ? (Number(text) < 2 ** 53 ? Number(text) : text.trim()) : undefined);
    const part = field({ name: "Seed", key: "seed", value: this.store.now.seed, heard: put, read, expected: "a whole number", mode: "numeric" });
    this.setters.push(() => part.set(this.store.now.seed));
    return group("Chance", part.node, button("Another seed", () => put(Math.floor(Math.random() * 1_000_000))));
  }

  // What the newest answer tells that controls go by; ranges change only with the ground, so that no slider jumps.
  learn({ ground, answer }) {
    this.selected = answer.facts.rows;
    this.spent = answer.facts.tokens?.total;
    this.level = answer.strata.cap;
    this.middle = ground.facts.label?.mean;
    if (this.known === ground.id) return;
    this.known = ground.id;
    this.highest = ground.strata.N.reduce((most, rows) => Math.max(most, rows), 1);
    this.tokens = ground.facts.tokens?.total;
    const { x, N } = ground.strata;
    if (x) {
      let left = N.reduce((sum, rows) => sum + rows, 0) * 0.05;
      let place = x.length - 1;
      while (place > 0 && (left -= N[place]) > 0) place--;
      this.rare = x[place];
    }
  }

  // Tells faults at the controls whose keys they have; returns the texts of those that belong to none.
  blame(faults) {
    for (const node of document.querySelectorAll(".control.wrong")) {
      if (node.querySelector("[data-unread]")) continue;
      node.classList.remove("wrong", "also");
      node.querySelector(".fault").hidden = true;
      for (const input of node.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
    }
    const homeless = [];
    for (const { keys, text } of faults) {
      const found = keys.flatMap((key) => this.homes(key));
      if (!found.length) homeless.push(text);
      const main = found.find((node) => node.contains(document.activeElement)) ?? found[0]; // the others tell it when they are looked at
      for (const node of new Set(found)) {
        node.classList.add("wrong");
        node.classList.toggle("also", node !== main);
        const told = node.querySelector(".fault");
        told.textContent = text;
        told.hidden = false;
        for (const input of node.querySelectorAll("input, select")) input.setAttribute("aria-invalid", "true");
      }
    }
    return homeless;
  }

  // The controls of a key, else those of the keys around it.
  homes(key) {
    for (let at = key; at && at !== "balance"; at = at.slice(0, Math.max(0, at.lastIndexOf(".")))) {
      const exact = [...document.querySelectorAll(".control[data-key]")].filter((node) => node.dataset.key === at);
      if (exact.length) return exact.slice(-1); // of several the last is the one that has the whole value
      const within = [...document.querySelectorAll(".control[data-key]")].find((node) => node.dataset.key.startsWith(`${at}.`));
      if (within) return [within];
    }
    return [];
  }
}

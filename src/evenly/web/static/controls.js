// The controls of the balance, each with its recipe key beside it. They are drawn from the state, and drawn anew only
// where their kind changes: while one is moved, only values are set.

import {
  KINDS, PARTS, POLICIES, SHORTFALLS, amountOf, freshAxis, kindOf, named, rangeOf, thresholdOf, withAmount, withAxes, withKey, withKind,
  withPolicy, withRange, withThreshold, written,
} from "./balance.js";
import { el } from "./dom.js";
import { button, field, group, select, slider, toNumber, toWhole } from "./inputs.js";
import { shapeOf as wantedShape, wanting } from "./wanted.js";
import { shapeOf as weightShape, weighing } from "./weighing.js";

// "0, 10, .inf" as edges; open ends are texts, as in YAML.
const toEdges = (text) => {
  const edges = text.split(/[\s,;]+/).filter(Boolean).map((one) => (/^[-+]?\.?inf$/i.test(one) ? (one.startsWith("-") ? "-.inf" : ".inf") : Number(one)));
  return edges.length > 1 && !edges.some(Number.isNaN) ? edges : undefined;
};

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
    this.strataShares = []; // [[name, its share of what is selected], …], the largest first, once an answer has told them
    this.met = {}; // column of a marginal -> the same of its values
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
      wantedShape(balance.target), Object.entries(balance.marginals || {}).map(([column, wanted]) => [column, wantedShape(wanted)]),
      weightShape(balance),
    ]);
    if (shape !== this.shape) this.draw(shape);
    for (const set of this.setters) set();
  }

  draw(shape) {
    const focus = this.focused();
    this.shape = shape;
    this.setters = [];
    this.form.replaceChildren(this.quotas(), ...(this.balance.policy === "weighted" ? [] : [this.whole(), this.strata()]), weighing(this), this.filters(), this.seed());
    this.focus(focus);
  }

  // What can have the focus, each by what it is for and how many there were of its kind before it.
  stops() {
    const seen = new Map();
    return [...this.form.querySelectorAll("input, select, button")].map((node) => {
      const kind = JSON.stringify([node.closest("[data-key]")?.dataset.key, node.type, node.type === "radio" && node.value, node.localName === "button" && node.textContent]);
      seen.set(kind, (seen.get(kind) ?? 0) + 1);
      return { node, name: `${kind} ${seen.get(kind)}` };
    });
  }

  // The names of what has the focus and of what comes before it, the nearest first.
  focused() {
    if (!this.form.contains(document.activeElement)) return [];
    const stops = this.stops();
    return stops.slice(0, stops.findIndex((one) => one.node === document.activeElement) + 1).reverse().map((one) => one.name);
  }

  // What had the focus gets it again, else what came before it and is still there.
  focus(names) {
    const stops = new Map(this.stops().map((one) => [one.name, one.node]));
    stops.get(names.find((name) => stops.has(name)))?.focus();
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
    if (balance.policy === "target") {
      parts.push(...wanting(this, {
        name: "Wanted", key: "balance.target", own: this.base.target, values: () => this.valuesOf(), read: () => this.balance.target,
        put: (value, done) => this.change(withKey(this.balance, "target", value), done),
      }));
    }
    for (const column of balance.policy === "rake" ? Object.keys(balance.marginals) : []) {
      parts.push(...wanting(this, {
        name: `Wanted of ${column}`, key: `balance.marginals.${column}`, own: this.base.marginals?.[column], values: () => this.valuesOf(column),
        read: () => this.balance.marginals?.[column],
        put: (value, done) => this.change(withKey(this.balance, "marginals", { ...this.balance.marginals, [column]: value }), done),
      }));
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
    const which = el("div", { class: "choice", role: "radiogroup", "aria-label": "What is limited", hidden: Object.keys(kinds).length < 2 },
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

  // The values that shares can be given to, with those that they have now: of the strata, or of one axis.
  valuesOf(column) {
    if (column !== undefined && this.met[column]) return this.met[column];
    return column === undefined || this.balance.strata.length === 1 ? this.strataShares : [];
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
    const parts = [el("label", { class: "check" }, box, "Take some strata whole"), ...(on ? [] : [el("code", { class: "key", text: "balance.take_all" })])];
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
    if (this.rare !== undefined) return withThreshold(this.balance, this.rare);
    const { strata } = this.balance;
    const along = strata.find((axis) => axis.column === this.about.label && this.middleOf(axis.column) > 0 && kindOf(axis) !== "part");
    if (along) return withKey(this.balance, "take_all", `${named(along.column)} >= ${this.middleOf(along.column)}`);
    const [{ column }] = strata;
    const least = this.valuesOf(column).at(-1)?.[0] ?? "";
    return withKey(this.balance, "take_all", `${named(column)} = '${least.replaceAll("'", "''")}'`);
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
    const fits = column?.kind === "number" ? ["value", "round", "width", "log", "quantile", "edges", "part"] : ["value", "other_below", "part"];
    const kinds = [...new Set([...fits, ...(own ? [kindOf(own)] : []), kind])];
    const key = `balance.strata.${place}`;
    const columns = Object.fromEntries([...new Set([axis.column, ...this.about.columns.map((one) => one.name)])].map((name) => [name, name]));
    const parts = [
      select({ name: "Column", key: `${key}.column`, options: columns, value: axis.column, heard: (name) => put(freshAxis(this.about.columns.find((one) => one.name === name), this.base)) }).node,
      select({ name: "Strata are", key: kind === "value" ? key : `${key}.${kind}`, options: Object.fromEntries(kinds.map((one) => [one, KINDS[one]])), value: kind, heard: (one) => put(withKind(now(), one, own, { number: column?.kind === "number", middle: this.middleOf(axis.column) })) }).node,
    ];
    const ranges = { round: [0.01, 1000, "log", false], width: [0.01, 10000, "log", false], log: [1.01, 10, "log", false], quantile: [2, 1000, "log", true], other_below: [0.0001, 0.5, "log", false] };
    if (ranges[kind] && typeof axis[kind] === "number") {
      const [low, high, scale, whole] = ranges[kind];
      parts.push(this.bound(slider({
        name: KINDS[kind], key: `${key}.${kind}`, low, high, scale, whole, value: axis[kind],
        heard: (value, done) => value > 0 && put({ ...now(), [kind]: value }, done),
      }), () => now()[kind]));
    }
    if (kind === "edges") {
      parts.push(this.bound(field({ name: "Edges, ascending", key: `${key}.edges`, value: axis.edges.join(", "), read: toEdges, heard: (edges) => edges && put({ ...now(), edges }) }), () => now().edges?.join(", ")));
    }
    if (kind === "part") {
      const one = (name, part, options) => this.bound(select({ name, key: `${key}.${part}`, options: Object.fromEntries(options.map((text) => [text, text])), value: axis[part], heard: (value) => put({ ...now(), [part]: value }) }), () => now()[part]);
      parts.push(one("Part", "part", PARTS), ...(axis.unit ? [one("Counted since 1970 in", "unit", ["s", "ms"])] : []));
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

  // A number among those of a column: of the label its mean.
  middleOf(column) {
    return column === this.about.label && Number.isFinite(this.middle) ? Number(this.middle.toPrecision(2)) : 0;
  }

  // What the newest answer tells that controls go by; ranges change only with the ground, so that no slider jumps.
  learn({ ground, answer }) {
    this.selected = answer.facts.rows;
    this.spent = answer.facts.tokens?.total;
    this.level = answer.strata.cap;
    this.middle = ground.facts.label?.mean;
    this.category = ground.category;
    this.learnShares(ground, answer);
    if (this.known === ground.id) return;
    this.known = ground.id;
    this.highest = ground.strata.N.reduce((most, rows) => Math.max(most, rows), 1);
    this.tokens = ground.facts.tokens?.total;
    const { x, N } = ground.strata;
    this.rare = undefined;
    if (x) {
      let left = N.reduce((sum, rows) => sum + rows, 0) * 0.05;
      let place = x.length - 1;
      while (place > 0 && (left -= N[place]) > 0) place--;
      this.rare = x[place] === null ? undefined : written(x[place], x);
    }
  }

  // Which values shares can be given to: names of strata, where each of those shown is one, and of the axes of a rake.
  // Its answer tells values that it lumps together by no name: those are known from categories, or an answer before.
  learnShares({ strata, category, categories }, { strata: drawn, categories: counts, marginals, facts }) {
    const sorted = (pairs) => pairs.map(([name, rows]) => [name, rows / Math.max(1, facts.rows)]).sort((one, other) => other[1] - one[1]);
    const single = strata.kind === "ranked" || strata.count === strata.N.length;
    this.strataShares = single ? sorted((strata.keys ?? strata.names).map((name, at) => [name, drawn.n[at]]).filter((_, at) => drawn.bound[at] !== "")) : [];
    const met = categories ? { [category]: sorted(categories.names.map((name, at) => [name, counts.after[at]])) } : {};
    for (const { axis, value, rows } of marginals) (met[`${axis} `] ??= []).push([value, rows]);
    for (const axis of new Set(marginals.map((one) => one.axis))) {
      const told = [...[met[axis], this.met[axis]].filter(Boolean), sorted(met[`${axis} `])];
      met[axis] = told.reduce((most, one) => (one.length >= most.length ? one : most));
      delete met[`${axis} `];
    }
    this.met = met;
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

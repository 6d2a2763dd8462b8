// What a state selects, in numbers: the headline, what bound the strata, tokens and cost, measures, tables of pictures.

import { BOUND_WORDS } from "./charts-words.js";
import { el, say, table } from "./dom.js";
import { keep, kept } from "./kept.js";
import { labelled, large, number, percent, plural } from "./numbers.js";

const BOUNDS = { ...BOUND_WORDS, "": "", share: "their share" }; // of several strata together

const MEASURES = {
  rows: ["records", (one) => number(one.facts.rows)],
  label: ["mean of the label", (one, ground) => labelled(one.facts.label?.mean, ground.dates)],
  strata: ["strata with records", (one) => number(one.measures.strata)],
  effective: ["effective strata", (one) => number(one.measures.effective_strata)],
  gini: ["Gini over strata", (one) => number(one.measures.gini, 3)],
  largest: ["largest stratum", (one) => percent(one.measures.largest_share, 1)],
  distance: ["distance to the aim", (one) => number(one.measures.distance, 3)],
  tokens: ["tokens", (one) => number(one.facts.tokens?.total)],
  mean: ["tokens of a record", (one) => number(one.facts.tokens?.mean)],
};

export const byId = (id) => document.getElementById(id);

const PRICE = "evenly-price";

// Whether records are drawn from all at once.
const undivided = (ground) => ground.strata.axis === "all" && ground.strata.count === 1;

// Parts that are there once and only have their texts set afterwards: nothing moves while numbers do.
function facts(place, names) {
  const found = {};
  place.replaceChildren(...Object.entries(names).map(([key, name]) => {
    found[key] = el("dd", { class: "figure" });
    found[`${key}_aside`] = el("dd", { class: "aside" });
    return el("div", {}, el("dt", { text: name }), found[key], found[`${key}_aside`]);
  }));
  return found;
}

export class Views {
  constructor(about) {
    this.about = about;
    this.headline = facts(byId("headline"), { selected: "selected", strata: "effective strata", ...(about.label ? { label: `mean ${about.label}` } : {}), ...(about.counted ? { tokens: "tokens" } : {}) });
    this.cost = about.counted ? this.costs() : null;
    byId("view-tokens").hidden = !about.counted;
    for (const [id, draw] of Object.entries({ "label-numbers": () => this.histogram("label"), "strata-numbers": () => this.allocation() })) {
      const details = byId(id).closest("details");
      details.addEventListener("toggle", () => details.open && this.view && draw());
    }
  }

  costs() {
    const price = el("input", { type: "text", inputmode: "decimal", id: "price", class: "exact", placeholder: "none" });
    const epochs = el("input", { type: "text", inputmode: "numeric", id: "epochs", class: "exact" });
    const before = kept(PRICE, {});
    price.value = before.price ?? "";
    epochs.value = before.epochs ?? "1";
    const heard = () => {
      keep(PRICE, { price: price.value, epochs: epochs.value });
      if (this.view) this.showCost(this.view);
    };
    price.addEventListener("input", heard);
    epochs.addEventListener("input", heard);
    const figures = el("dl", { class: "figures" });
    byId("cost").replaceChildren(
      el("div", { class: "pair" },
        el("div", { class: "control" }, el("div", { class: "names" }, el("label", { for: "price", text: "Price of a million tokens" })), price),
        el("div", { class: "control" }, el("div", { class: "names" }, el("label", { for: "epochs", text: "Epochs" })), epochs)),
      figures);
    return { price, epochs, figures: facts(figures, { before: "the pool", after: "selected", cost: "fine-tuning costs" }) };
  }

  show(view, variants) {
    this.view = view;
    this.variants = variants;
    const { ground, answer } = view;
    const { headline } = this;
    if (headline.label) headline.label.parentElement.hidden = !ground.facts.label; // a text has no mean
    headline.strata.parentElement.hidden = undivided(ground);
    say(headline.selected, number(answer.facts.rows));
    say(headline.selected_aside, answer.rows.repeated ? `${number(answer.facts.records)} records, some repeated` : `${percent(answer.facts.rows, ground.facts.rows)} of ${number(ground.facts.rows)}`);
    say(headline.strata, number(answer.measures.effective_strata));
    say(headline.strata_aside, `pool: ${number(ground.measures.effective_strata)}`);
    if (headline.label) {
      say(headline.label, labelled(answer.facts.label?.mean, ground.dates));
      say(headline.label_aside, `pool: ${labelled(ground.facts.label?.mean, ground.dates)}`);
    }
    if (headline.tokens) {
      say(headline.tokens, large(answer.facts.tokens?.total));
      say(headline.tokens_aside, `pool: ${large(ground.facts.tokens?.total)}`);
    }
    this.showWords(view);
    this.showBounds(view);
    if (this.cost) this.showCost(view);
    this.showMeasures(view, variants);
    if (byId("label-numbers").closest("details").open) this.histogram("label");
    if (byId("strata-numbers").closest("details").open) this.allocation();
  }

  showWords({ ground, answer }) {
    say(byId("label-title"), ground.label ? `Distribution of ${ground.label}` : "Distribution");
    byId("view-label").hidden = !ground.pictures.label;
    byId("view-mix").hidden = !ground.pictures.mix;
    say(byId("mix-title"), `Mix of ${ground.category ?? "categories"} along ${ground.label ?? "the label"}`);
    const { rows, strata } = answer;
    const drawn = strata.n.reduce((sum, one) => sum + one, 0);
    const left = drawn > answer.facts.rows ? ` ${number(drawn - answer.facts.rows)} repetitions are not written: their records are in other splits than train.` : "";
    const short = rows.missing ? ` ${number(rows.missing)} rows fewer than asked for: strata hold too little.` : "";
    const outside = rows.outside ? ` In no stratum: ${number(rows.outside)}.` : "";
    const held = rows.held_out ? ` Held out: ${number(rows.held_out)}.` : "";
    const cap = strata.cap === null ? "" : ` At most ${number(strata.cap)} of a stratum.`;
    say(byId("strata-told"), `${undivided(ground) ? "One draw of all records, without strata." : `${plural(ground.strata.count, "stratum", "strata")} of ${ground.strata.axis}.`}${cap}${short}${left}${outside}${held}`);
    byId("strata-told").classList.toggle("wrong", rows.missing > 0);
  }

  showBounds({ answer }) {
    const known = answer.bounds.filter((one) => one.bound);
    const place = byId("bounds");
    const names = known.map((one) => one.bound).join();
    if (this.names !== names) {
      this.names = names;
      place.replaceChildren(...known.map((one) => el("li", { data: { bound: one.bound } }, `${BOUNDS[one.bound] ?? one.bound}: `, el("span", { class: "figure" }))));
    }
    known.forEach((one, at) => say(place.children[at].lastChild, `${plural(one.strata, "stratum", "strata")}, ${plural(one.rows, "row", "rows")}`));
  }

  showCost({ ground, answer }) {
    const { figures, price, epochs } = this.cost;
    const before = ground.facts.tokens;
    const after = answer.facts.tokens;
    if (!before || !after) return;
    say(figures.before, large(before.total));
    say(figures.before_aside, `${number(before.mean)} a record`);
    say(figures.after, large(after.total));
    say(figures.after_aside, `${number(after.mean)} a record`);
    const each = Number(price.value.replace(",", "."));
    const times = Number(epochs.value) || 1;
    const known = price.value.trim() !== "" && Number.isFinite(each);
    const money = (tokens) => new Intl.NumberFormat("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 }).format((tokens / 1e6) * each * times);
    say(figures.cost, known ? money(after.total) : "–");
    say(figures.cost_aside, known ? `the pool: ${money(before.total)}` : "give a price");
  }

  showMeasures({ ground, answer }, variants) {
    const sides = [{ facts: ground.facts, measures: ground.measures }, answer, ...variants.map((one) => one.answer)];
    const rows = Object.values(MEASURES).map(([name, read]) => [name, ...sides.map((side) => read(side, ground))]).filter((row) => row.slice(1).some((text) => text !== "–"));
    const names = ["", "pool", "now", ...variants.map((one) => one.name)];
    const shape = JSON.stringify([names, rows.map((row) => row[0])]);
    const place = byId("measures");
    if (this.shape !== shape) {
      this.shape = shape;
      place.replaceChildren(table(`Distance is the widest gap to ${ground.aim}.`, names, rows));
      return;
    }
    rows.forEach((row, at) => row.slice(1).forEach((text, side) => say(place.querySelector("tbody").rows[at].cells[side + 1], text)));
  }

  histogram(name) {
    const { ground, answer } = this.view;
    const picture = ground.pictures[name];
    if (!picture) return;
    const told = (value) => labelled(value, ground.dates);
    const { edges, before } = picture;
    const after = answer.pictures[name];
    const rows = before.map((rows, at) => [
      at === 0 ? `below ${told(edges[0])}` : at === edges.length ? `${told(edges.at(-1))} and above` : `${told(edges[at - 1])} – ${told(edges[at])}`,
      number(rows), number(after[at]),
    ]);
    byId("label-numbers").replaceChildren(table(`Records along ${ground.label}`, [ground.label, "pool", "selected"], rows));
  }

  allocation() {
    const { ground, answer } = this.view;
    const rows = ground.strata.names.map((name, at) => [name, number(ground.strata.N[at]), number(answer.strata.n[at]), BOUNDS[answer.strata.bound[at]] ?? ""]);
    byId("strata-numbers").replaceChildren(table(`Strata of ${ground.strata.axis}`, [ground.strata.axis, "pool", "selected", "set by"], rows));
  }
}

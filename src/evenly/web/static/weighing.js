// How much a record weighs within its stratum: not at all, by the values of a column, by an expression, by how rare a
// number is; and the numbers over the pool that expressions may name.

import { isTable, isName, named, withKey } from "./balance.js";
import { el } from "./dom.js";
import { field, group, select, slider } from "./inputs.js";

const KINDS = { none: "all the same", table: "by the values of a column", expression: "by an expression", density: "the more, the rarer a number" };
const WIDTH = 10; // of the intervals that rareness is counted in, to begin with
const NO_VALUE = "(none)"; // what a table calls records without one

const kindOf = (weight) =>
  weight === undefined ? "none" : typeof weight === "string" ? "expression" : isTable(weight) ? "table" : "density";

// What tells one form of these controls from another.
export const shapeOf = ({ weight, stats }) => [kindOf(weight), isTable(weight) && weight.column, weight?.inverse_density?.column, stats !== undefined];

// controls: the form's Controls
export function weighing(controls) {
  const { weight } = controls.balance;
  const kind = kindOf(weight);
  const set = (value, done = true) => controls.change(withKey(controls.balance, "weight", value), done);
  const texts = namesOf(controls, "text", isTable(weight) ? weight.column : undefined);
  const numbers = namesOf(controls, "number", weight?.inverse_density?.column);
  const options = Object.fromEntries(Object.entries(KINDS).filter(([one]) => one === kind || (one === "table" ? texts.length : one !== "density" || numbers.length)));
  const parts = [select({ name: "A record weighs", key: "balance.weight", options, value: kind, heard: (one) => set(started(one, controls, texts, numbers)) }).node];
  if (kind === "table") parts.push(...tableOf(controls, texts, set));
  if (kind === "density") parts.push(...densityOf(controls, numbers, set));
  if (kind === "expression") {
    parts.push(controls.bound(field({ name: "Expression", key: "balance.weight", value: weight, heard: (text) => text && set(text) }), () => controls.balance.weight));
  }
  if (kind === "expression" || Object.keys(controls.balance.stats ?? {}).length) parts.push(statsOf(controls));
  return group(controls.balance.policy === "weighted" ? "Weights" : "Weights within a stratum", ...parts);
}

const namesOf = ({ about }, kind, own) =>
  [...new Set([...(own === undefined ? [] : [own]), ...about.columns.filter((one) => one.kind === kind).map((one) => one.name)])];

// What another kind begins with: the recipe's own, else what changes nothing much.
function started(kind, { base, about, category, middle }, texts, numbers) {
  if (kind === "none") return null;
  if (kindOf(base.weight) === kind) return base.weight;
  const number = numbers.includes(about.label) ? about.label : numbers[0];
  if (kind === "table") return { column: texts.includes(category) ? category : texts[0], values: { [NO_VALUE]: 1 }, default: 1 };
  if (kind === "density") return { inverse_density: { column: number, width: number === about.label && middle > 0 ? Number((middle / 10).toPrecision(1)) : WIDTH, alpha: 1 } };
  return number === undefined ? "1" : `power(${named(number)}, 1)`;
}

const choices = (names) => Object.fromEntries(names.map((name) => [name, name]));

function tableOf(controls, texts, set) {
  const now = () => controls.balance.weight;
  return [
    select({ name: "Column", key: "balance.weight.column", options: choices(texts), value: now().column, heard: (column) => set({ column, values: { [NO_VALUE]: 1 }, default: 1 }) }).node,
    controls.bound(slider({
      name: "Weight of values that are not named", key: "balance.weight.default", low: 0.01, high: 100, scale: "log", value: now().default ?? 1,
      heard: (value, done) => value >= 0 && set({ ...now(), default: value }, done),
    }), () => now()?.default ?? 1),
    el("p", { class: "hint", text: "The weights of its values are beside the categories." }),
  ];
}

function densityOf(controls, numbers, set) {
  const now = () => controls.balance.weight.inverse_density;
  const put = (more, done) => set({ inverse_density: { ...now(), ...more } }, done);
  const part = (name, key, low, high, scale) => controls.bound(slider({
    name, key: `balance.weight.inverse_density.${key}`, low, high, scale, value: now()[key] ?? 1, heard: (value, done) => value > 0 && put({ [key]: value }, done),
  }), () => controls.balance.weight?.inverse_density?.[key] ?? 1);
  return [
    select({ name: "Column", key: "balance.weight.inverse_density.column", options: choices(numbers), value: now().column, heard: (column) => put({ column }) }).node,
    part("Counted in steps of", "width", 0.01, 10_000, "log"), part("Alpha: 1 is even, less is less", "alpha", 0.05, 2, "linear"),
  ];
}

// {lo: "min(price)"} as one writes it: lo = min(price); hi = max(price)
const written = (stats) => Object.entries(stats ?? {}).map(([name, text]) => `${name} = ${text}`).join("; ");

function readStats(text) {
  const pairs = text.split(";").map((one) => one.trim()).filter(Boolean).map((one) => [one.slice(0, one.indexOf("=")).trim(), one.slice(one.indexOf("=") + 1).trim()]);
  return pairs.every(([name, stat]) => isName(name) && stat) ? Object.fromEntries(pairs) : undefined;
}

function statsOf(controls) {
  return controls.bound(field({
    name: "Numbers over the pool", key: "balance.stats", value: written(controls.balance.stats), read: readStats, hint: "lo = min(price); hi = max(price)",
    heard: (stats) => controls.change(withKey(controls.balance, "stats", stats)),
  }), () => written(controls.balance.stats));
}

// What a change of one control means for the balance as a whole: pure functions, balance in, balance out.

import { copy } from "./state.js";

// Key of the balance -> the one policy that takes it, and needs it.
const OWNED = { alpha: "power", epochs: "unimax", target: "target", marginals: "rake" };

export const POLICIES = {
  cap: "at most so many of each stratum",
  proportional: "as the pool, smaller",
  equal: "the same of each stratum",
  power: "N to the power alpha",
  unimax: "equal, small strata repeated",
  target: "a wanted distribution",
  rake: "wanted shares of several axes",
  weighted: "one draw, no strata",
};

export const SHORTFALLS = {
  error: "say so",
  redistribute: "fill up from others",
  accept: "take fewer",
};

export const KINDS = {
  value: "each value",
  round: "rounded to",
  width: "steps of",
  log: "growing by a factor of",
  quantile: "quantiles",
  other_below: "small ones together, below",
  edges: "between edges",
  part: "part of the date",
};

const FRESH = { round: 1, width: 10, log: 1.5, quantile: 20, other_below: 0.01, part: "year" };

export const PARTS = ["year", "quarter", "month", "week", "day", "weekday", "hour"];

const kinds = Object.keys(KINDS).filter((kind) => kind !== "value");

export const kindOf = (axis) => kinds.find((kind) => axis[kind] !== undefined) || "value";

// Another policy takes the keys that it needs: the recipe's own where it has them, else what makes a start.
export function withPolicy(balance, policy, { base, selected, columns }) {
  const next = copy(balance);
  for (const key of Object.keys(OWNED)) delete next[key];
  next.policy = policy;
  if (policy === "weighted") for (const key of ["strata", "take_all", "min", "max"]) delete next[key];
  else if (!next.strata?.length) next.strata = base.strata?.length ? copy(base.strata) : [freshAxis(columns[0], base)];
  if (policy === "cap") {
    if (next.size === undefined) next.cap = base.cap ?? 100;
  } else {
    delete next.cap;
    next.size ??= Math.max(1, selected || 1000);
  }
  if (policy === "power") next.alpha = base.alpha ?? 0.5;
  if (policy === "unimax") next.epochs = base.epochs ?? 4;
  if (policy === "target") next.target = base.target ?? "uniform";
  if (policy === "rake") next.marginals = base.marginals ?? Object.fromEntries(next.strata.map((axis) => [axis.column, "uniform"]));
  return next;
}

// How many: {cap} rows of a stratum, {size} rows in all, or {tokens} in all; one of them.
export function withAmount(balance, amount) {
  const next = copy(balance);
  delete next.cap;
  delete next.size;
  if (amount.cap !== undefined) next.cap = amount.cap;
  if (amount.size !== undefined) next.size = amount.size;
  if (amount.tokens !== undefined) next.size = { tokens: amount.tokens };
  return next;
}

export function amountOf(balance) {
  if (balance.cap !== undefined) return { kind: "cap", value: balance.cap };
  if (typeof balance.size === "object") return { kind: "tokens", value: balance.size.tokens };
  return { kind: "size", value: balance.size };
}

// Sets a key, or takes it out where the value is null or undefined.
export function withKey(balance, key, value) {
  const next = copy(balance);
  if (value === undefined || value === null || value === "") delete next[key];
  else next[key] = value;
  return next;
}

export function freshAxis(column, base) {
  if (!column) return { column: base.label || "" };
  const own = (base.strata || []).find((axis) => axis.column === column.name);
  if (own) return copy(own);
  return column.kind === "number" ? { column: column.name, quantile: FRESH.quantile } : { column: column.name };
}

export function withAxes(balance, strata) {
  const next = copy(balance);
  next.strata = strata;
  if (typeof thresholdOf(balance) === "number" && strata[0]?.column !== balance.strata[0].column) delete next.take_all; // it is over that column
  if (next.marginals) {
    const columns = strata.map((axis) => axis.column);
    next.marginals = Object.fromEntries(columns.map((column) => [column, next.marginals[column] ?? "uniform"]));
  }
  return next;
}

// `number`: whether the column holds numbers; `middle`: one among them. A part of a number counts seconds since 1970.
export function withKind(axis, kind, own, { number = false, middle = 0 } = {}) {
  const next = Object.fromEntries(Object.entries(axis).filter(([key]) => !kinds.includes(key) && key !== "unit"));
  if (kind !== "value") next[kind] = own?.[kind] ?? (kind === "edges" ? ["-.inf", middle, ".inf"] : FRESH[kind]);
  if (kind === "part" && (own?.unit || number)) next.unit = own?.unit ?? "s";
  return next;
}

export const isName = (column) => /^[a-z_]\w*$/i.test(column);
export const named = (column) => (isName(column) ? column : `"${column.replaceAll('"', '""')}"`);
const quoted = (column) => {
  const text = column.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return isName(column) ? `(?:${text}|"${text}")` : `"${text.replaceAll('"', '""')}"`;
};
const NUMBER = "(-?\\d+(?:\\.\\d+)?(?:e[-+]?\\d+)?)";

// The threshold of "price >= 240"; null where there is no condition, undefined where it is another one.
export function thresholdOf(balance) {
  if (balance.take_all === undefined) return null;
  if (balance.strata?.length !== 1) return undefined;
  const found = new RegExp(`^\\s*${quoted(balance.strata[0].column)}\\s*>=\\s*${NUMBER}\\s*$`, "i").exec(balance.take_all);
  return found ? Number(found[1]) : undefined;
}

// A stratum's value as one would write it: the first number of few digits that is not above it, and above those before it.
export function written(value, xs) {
  const before = xs.reduce((most, x) => (x !== null && x < value && x > most ? x : most), -Infinity);
  for (let digits = 4; digits < 17; digits++) {
    const step = 10 ** (Math.floor(Math.log10(Math.abs(value) || 1)) + 1 - digits);
    const found = Number((Math.floor(value / step) * step).toPrecision(digits));
    if (found <= value && found > before && value - found <= Math.abs(value) / 1000) return found;
  }
  return value;
}

export function withThreshold(balance, value) {
  return withKey(balance, "take_all", value === null ? null : `${named(balance.strata[0].column)} >= ${value}`);
}

// A filter's bounds of a column: {low, high}, those that are there; clauses of other kinds are left as they are.
// An upper bound is below `high` for a label, up to and with it for tokens, which are whole.
const clauses = (filter) => (filter ? splitAtAnd(filter) : []);

// Splits at the ANDs that stand outside of parentheses and quotes, and are no part of BETWEEN.
function splitAtAnd(text) {
  if (/\b(or|between|case)\b/i.test(text)) return [text];
  const found = [];
  let depth = 0, quote = "", begun = 0;
  for (let place = 0; place < text.length; place++) {
    const sign = text[place];
    if (quote) quote = sign === quote ? "" : quote;
    else if (sign === "'" || sign === '"') quote = sign;
    else if (sign === "(") depth++;
    else if (sign === ")") depth--;
    else if (!depth && /^\sand\s/i.test(text.slice(place, place + 5))) {
      found.push(text.slice(begun, place).trim());
      begun = place + 5;
      place += 4;
    }
  }
  return [...found, text.slice(begun).trim()];
}

const bound = (column, signs) => new RegExp(`^${quoted(column)}\\s*(${signs})\\s*${NUMBER}$`, "i");

export function rangeOf(filter, column) {
  const range = {};
  for (const clause of clauses(filter)) {
    const low = bound(column, ">=").exec(clause);
    const high = bound(column, "<=").exec(clause);
    if (low) range.low = Number(low[2]);
    if (high) range.high = Number(high[2]);
  }
  return range;
}

export function withRange(filter, column, { low, high }) {
  const others = clauses(filter).filter((clause) => !bound(column, ">=|<=").test(clause));
  const own = [];
  if (low !== undefined) own.push(`${named(column)} >= ${low}`);
  if (high !== undefined) own.push(`${named(column)} <= ${high}`);
  const kept = own.length && others.length === 1 && /\bor\b/i.test(others[0]) ? [`(${others[0]})`] : others;
  return [...kept, ...own].join(" and ") || undefined;
}

// Weights by category: what one of them weighs, as the table says it.
export const isTable = (weight) => weight !== undefined && typeof weight === "object" && "values" in weight;

export function weightOf(balance, category, name) {
  const weight = balance.weight;
  if (weight === undefined) return 1;
  if (!isTable(weight) || weight.column !== category) return null;
  return (Object.hasOwn(weight.values, name) ? weight.values[name] : weight.default) ?? 1;
}

export function withWeight(balance, category, name, value) {
  const next = copy(balance);
  if (!isTable(next.weight)) next.weight = { column: category, values: {}, default: 1 };
  next.weight.values = { ...next.weight.values, [name]: value };
  return next;
}

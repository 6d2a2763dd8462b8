// A wanted distribution, of `target` or of one axis of `rake`: even, lognormal, shares by value, or the recipe's own files.

import { el } from "./dom.js";
import { button, field, select, slider } from "./inputs.js";

const kindOf = (wanted) => (wanted === "uniform" ? "uniform" : Object.keys(wanted).find((key) => ["lognormal", "values", "files"].includes(key)));

// What tells one form of these controls from another.
export const shapeOf = (wanted) => (wanted === undefined ? null : wanted.values ? Object.keys(wanted.values) : kindOf(wanted));

// at: {name, key, own, read(), put(value, done), values(): [[name, share], …] that there are to name, largest first}
export function wanting(controls, at) {
  const wanted = at.read();
  const kind = kindOf(wanted);
  const filed = at.own !== undefined && kindOf(at.own) === "files";
  const options = { uniform: "even", lognormal: "lognormal", values: "shares by value", ...(filed ? { files: "as in the recipe's files" } : {}) };
  const start = {
    uniform: "uniform",
    lognormal: at.own?.lognormal ? at.own : { lognormal: { median: controls.middle > 0 ? Number(controls.middle.toPrecision(3)) : 1, sigma: 1 } },
    get values() {
      const [name, share] = at.values()[0] ?? ["", 1];
      return at.own?.values ? at.own : { values: { [name]: Number(share.toPrecision(2)) } };
    },
    files: at.own,
  };
  const parts = [select({ name: at.name, key: at.key, options, value: kind, heard: (one) => at.put(start[one], true) }).node];
  if (kind === "lognormal") parts.push(...lognormal(controls, at, wanted.lognormal));
  if (kind === "values") parts.push(...shares(controls, at, wanted.values));
  return parts;
}

function lognormal(controls, at, { median, sigma }) {
  const part = (name, key, low, high, scale, value) => controls.bound(slider({
    name, key: `${at.key}.lognormal.${key}`, low, high, scale, value,
    heard: (found, done) => found > 0 && at.put({ lognormal: { ...at.read().lognormal, [key]: found } }, done),
  }), () => at.read()?.lognormal?.[key]);
  return [part("Its median", "median", median / 100, median * 100, "log", median), part("Its width (sigma)", "sigma", 0.05, 4, "linear", sigma)];
}

// A slider for each value that is named, and a field to name another.
function shares(controls, at, values) {
  const set = (next, done = true) => at.put({ values: next }, done);
  const now = () => at.read()?.values ?? {};
  const names = Object.keys(values);
  const rows = names.map((name) => {
    const part = controls.bound(slider({
      name: name || "(empty)", key: `${at.key}.values.${name}`, low: 0, high: 1, value: values[name],
      heard: (found, done) => found >= 0 && found <= 1 && set({ ...now(), [name]: found }, done),
    }), () => now()[name]);
    if (names.length > 1) {
      const others = () => Object.fromEntries(Object.entries(now()).filter(([one]) => one !== name));
      part.querySelector(".key").replaceWith(button("Take out", () => set(others()), { class: "plain", "aria-label": `Take ${name} out` }));
    }
    return part;
  });
  const list = el("datalist", { id: `known-${at.key}` });
  let known = "";
  controls.setters.push(() => {
    const others = at.values().map(([name]) => name).filter((name) => name && !names.includes(name));
    if (known === (known = others.join("\n"))) return;
    list.replaceChildren(...others.map((name) => el("option", { value: name })));
  });
  const more = field({ name: "Name another value", key: `${at.key}.values`, hint: "the others share the rest", read: (name) => (Object.hasOwn(now(), name) ? undefined : name), heard: (name) => name !== null && set({ ...now(), [name]: startOf(name, at, now()) }) });
  more.node.querySelector("input").setAttribute("list", list.id);
  return [...rows, more.node, list];
}

// The share that a value has now, or what is left of the whole where that is less.
function startOf(name, at, values) {
  const left = Math.max(0, 1 - Object.values(values).reduce((sum, one) => sum + one, 0));
  const share = at.values().find(([one]) => one === name)?.[1] ?? 0;
  return Number(Math.min(left, share).toPrecision(2));
}

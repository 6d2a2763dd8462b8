// The page's state: what was changed of the recipe, how one gets back, and how the address says it.
//
// A state is {seed, balance}. The address holds only what differs from the recipe, like --set:
// #seed=7&balance.cap=900&balance.take_all=null

export const copy = (data) => structuredClone(data);

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

// Keys may be names from data: of an object's own, "constructor" is one like any other.
const has = (object, key) => Object.hasOwn(object, key) && object[key] !== undefined;
const put = (object, key, value) => Object.defineProperty(object, key, { value, enumerable: true, writable: true, configurable: true });

export function same(one, other) {
  if (isObject(one) && isObject(other)) {
    const keys = new Set([...Object.keys(one), ...Object.keys(other)]);
    return [...keys].every((key) => has(one, key) === has(other, key) && (!has(one, key) || same(one[key], other[key])));
  }
  if (Array.isArray(one) && Array.isArray(other)) {
    return one.length === other.length && one.every((value, place) => same(value, other[place]));
  }
  return one === other;
}

// [[path, value], …] that makes `before` into `after`; undefined: taken out
export function changes(before, after, at = []) {
  if (isObject(before) && isObject(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
    return keys.flatMap((key) =>
      !has(after, key) ? [[[...at, key], undefined]]
      : !has(before, key) ? [[[...at, key], after[key]]]
      : changes(before[key], after[key], [...at, key]),
    );
  }
  if (Array.isArray(before) && Array.isArray(after) && before.length === after.length) {
    return after.flatMap((value, place) => changes(before[place], value, [...at, String(place)]));
  }
  return same(before, after) ? [] : [[at, after]];
}

const spelled = (key) => encodeURIComponent(key).replaceAll(".", "%2E");

export function toAddress(base, state) {
  return changes(base, state)
    .map(([path, value]) => `${path.map(spelled).join(".")}=${encodeURIComponent(JSON.stringify(value ?? null))}`)
    .join("&");
}

// The state that an address stands for; what can't be read of it is left out: it may have been cut or mistyped.
export function fromAddress(base, text) {
  let state = copy(base);
  for (const one of text.replace(/^#/, "").split("&").filter(Boolean)) {
    const equals = one.indexOf("=");
    try {
      const path = one.slice(0, equals).split(".").map(decodeURIComponent);
      const next = copy(state);
      set(next, path, JSON.parse(decodeURIComponent(one.slice(equals + 1))));
      if (Object.hasOwn(base, path[0]) && sound(next)) state = next;
    } catch {
      continue;
    }
  }
  return state;
}

function set(state, path, value) {
  if (path.includes("__proto__")) throw new TypeError("no key, but what all objects share");
  let here = state;
  for (const key of path.slice(0, -1)) {
    if (!Object.hasOwn(here, key) || typeof here[key] !== "object" || here[key] === null) put(here, key, {});
    here = here[key];
  }
  const last = path.at(-1);
  if (value === null) delete here[last];
  else put(here, last, value);
}

const isText = (value) => typeof value === "string";
const isWish = (value) => isText(value) || isObject(value);

// Whether a state has the shape that controls can show; whether it makes sense the server says.
function sound({ balance }) {
  if (!isObject(balance) || !isText(balance.policy)) return false;
  const has = (key, fits) => balance[key] === undefined || fits(balance[key]);
  return has("strata", (axes) => Array.isArray(axes) && [...axes].every((axis) => isObject(axis) && isText(axis.column)))
    && has("marginals", (wanted) => isObject(wanted) && Object.values(wanted).every(isWish))
    && has("target", isWish)
    && has("weight", (weight) => !isObject(weight) || !("values" in weight) || isObject(weight.values))
    && ["filter", "take_all"].every((key) => has(key, isText));
}

const MOST = 200; // steps back

export class Store {
  constructor(base, changed) {
    this.base = base;
    this.now = fromAddress(base, location.hash);
    this.kept = this.now; // the newest step; `now` is ahead of it while something is dragged
    this.past = [];
    this.future = [];
    this.changed = changed;
    addEventListener("hashchange", () => {
      if (location.hash.replace(/^#/, "") !== toAddress(base, this.kept)) this.change(fromAddress(base, location.hash));
    });
  }

  // done: false while a control is still moved
  change(next, done = true) {
    this.now = next;
    if (done && !same(next, this.kept)) {
      this.past = [...this.past.slice(-MOST), this.kept];
      this.future = [];
      this.keep(next);
    }
    this.changed();
  }

  undo() {
    if (this.past.length) this.step(this.past, this.future);
  }

  redo() {
    if (this.future.length) this.step(this.future, this.past);
  }

  step(from, to) {
    to.push(this.kept);
    this.now = from.pop();
    this.keep(this.now);
    this.changed();
  }

  keep(state) {
    this.kept = state;
    const text = toAddress(this.base, state);
    history.replaceState(null, "", text ? `#${text}` : location.pathname + location.search);
  }
}

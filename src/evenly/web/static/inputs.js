// What controls are made of: a slider with its exact number, a choice, a field; each with its name, its recipe key and a
// place where a fault is told.

import { el } from "./dom.js";
import { number } from "./numbers.js";

const STEPS = 1000; // of a slider

// From a slider's place to a value and back: in equal ratios where a range spans powers of ten.
const scales = {
  log: {
    value: (place, low, high) => low * (high / low) ** (place / STEPS),
    place: (value, low, high) => (STEPS * Math.log(Math.max(value, low) / low)) / Math.log(high / low),
  },
  linear: {
    value: (place, low, high) => low + ((high - low) * place) / STEPS,
    place: (value, low, high) => (STEPS * (value - low)) / (high - low),
  },
};

export const rounded = (value, digits) => Number(value.toPrecision(digits));

let made = 0;
const fresh = () => `control-${++made}`;

// A control: its name, its key, where a fault is told, and whatever it is worked with.
export function control(name, key, ...parts) {
  const id = fresh();
  const fault = el("p", { class: "fault", id: `${id}-fault`, hidden: true });
  const key_ = key ? el("code", { class: "key", text: key }) : null;
  const node = el("div", { class: "control", data: { key: key || "" } }, el("div", { class: "names" }, el("label", { for: id, text: name }), key_), ...parts, fault);
  const inputs = parts.flatMap((part) => (part.matches("input, select") ? [part] : [...part.querySelectorAll("input, select")]));
  for (const input of inputs) input.setAttribute("aria-describedby", fault.id);
  if (inputs.length) inputs[0].id = id;
  return node;
}

// Says at a field that it can't be read, until it can.
function unread(input, text = "") {
  if (!text && !input.dataset.unread) return;
  const place = input.closest(".control");
  const told = place?.querySelector(".fault");
  if (text) [input.dataset.unread, input.ariaInvalid] = ["yes", "true"];
  else {
    delete input.dataset.unread;
    input.removeAttribute("aria-invalid");
  }
  place?.classList.toggle("wrong", Boolean(text));
  if (told) [told.textContent, told.hidden] = [text, !text];
}

// A slider with a field for the exact number. heard(value, done)
export function slider({ name, key, low, high, value, scale = "linear", whole = false, digits = 3, heard, label = "" }) {
  const { value: valueAt, place: placeOf } = scales[scale];
  const range = el("input", { type: "range", min: 0, max: STEPS, step: 1, "aria-label": label || `${name}, slider` });
  const field = el("input", { type: "text", inputmode: whole ? "numeric" : "decimal", class: "exact", "aria-label": label ? `${label}, exact` : undefined });
  const told = (given) => {
    range.setAttribute("aria-valuetext", number(given));
    return given;
  };
  const at = () => {
    const found = valueAt(Number(range.value), low, high);
    return told(whole ? Math.max(1, Math.round(rounded(found, digits))) : rounded(found, digits));
  };
  const typed = () => {
    const found = Number(field.value.replaceAll(",", "").replaceAll(" ", ""));
    return field.value.trim() !== "" && Number.isFinite(found) && (!whole || Number.isInteger(found)) ? found : undefined;
  };
  const hear = (found, done, from) => {
    unread(field, found === undefined ? `expected a ${whole ? "whole " : ""}number.` : "");
    if (found === undefined) return;
    if (from === range) field.value = String(found);
    else range.value = placeOf(found, low, high);
    heard(found, done);
  };
  // A key moves by one step of the slider, and a whole number by one at least.
  range.addEventListener("keydown", (event) => {
    const way = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
    if (!way) return;
    event.preventDefault();
    const now = typed() ?? at();
    const next = rounded(valueAt(Math.min(STEPS, Math.max(0, placeOf(now, low, high) + way)), low, high), digits);
    const moved = whole ? Math.min(high, Math.max(1, way > 0 ? Math.max(now + 1, Math.round(next)) : Math.min(now - 1, Math.round(next)))) : next;
    field.value = String(moved);
    hear(moved, true, field);
    told(moved);
  });
  range.addEventListener("input", () => hear(at(), false, range));
  range.addEventListener("change", () => hear(at(), true, range));
  field.addEventListener("input", () => hear(typed(), false, field));
  field.addEventListener("change", () => hear(typed(), true, field));
  const both = el("div", { class: "slider" }, range, field);
  const node = name ? control(name, key, both) : both;
  if (name) node.querySelector("label").htmlFor = field.id = fresh();
  const set = (given, most = high) => {
    if (given === undefined) return;
    high = most;
    if (document.activeElement !== field) {
      field.value = String(given);
      unread(field);
    }
    if (document.activeElement !== range || Math.abs(at() - given) > Math.abs(given) * 0.01) range.value = placeOf(given, low, high);
    told(given);
  };
  set(value);
  return { node, set };
}

export function select({ name, key, options, value, heard, label }) {
  const node = el("select", { on: { change: () => heard(node.value) }, "aria-label": label });
  for (const [one, text] of Object.entries(options)) node.append(el("option", { value: one, text }));
  node.value = value;
  const whole = name ? control(name, key, node) : node;
  return { node: whole, set: (given) => { node.value = given; } };
}

// A field; `read` makes a value of its text, undefined for what is none.
export function field({ name, key, value, heard, read = (text) => text, expected = "", hint = "", label, mode = "text" }) {
  const node = el("input", { type: "text", inputmode: mode, placeholder: hint, "aria-label": label, spellcheck: "false" });
  const hear = (done) => {
    const found = node.value.trim() === "" ? null : read(node.value);
    unread(node, found === undefined ? `expected ${expected}.` : "");
    if (found !== undefined) heard(found, done);
  };
  node.addEventListener("change", () => hear(true));
  const set = (given) => {
    if (document.activeElement === node) return;
    node.value = given === undefined || given === null ? "" : String(given);
    unread(node);
  };
  set(value);
  return { node: name ? control(name, key, node) : node, set };
}

export const toNumber = (text) => {
  const found = Number(text.replaceAll(",", ""));
  return Number.isFinite(found) ? found : undefined;
};
export const toWhole = (text) => {
  const found = toNumber(text);
  return Number.isInteger(found) && found > 0 ? found : undefined;
};

export function group(title, ...parts) {
  return el("fieldset", {}, el("legend", { text: title }), ...parts);
}

export const button = (text, heard, props = {}) => el("button", { type: "button", text, on: { click: heard }, ...props });

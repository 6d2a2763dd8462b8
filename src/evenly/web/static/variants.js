// Saved states, up to four: overlaid in the pictures, compared in the measures, trained on in an ablation.

import { Lost } from "./api.js";
import { el } from "./dom.js";
import { keep, kept } from "./kept.js";
import { number } from "./numbers.js";

const COLORS = ["#cc6677", "#44aa99", "#b58900", "#aa4499"]; // apart from each other and from blue and grey, on both papers
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/; // what names a recipe's variant

export class Variants {
  // view(state): asks what a state selects; changed(): what is shown has to be shown again
  constructor(about, store, view, changed) {
    Object.assign(this, { about, store, view, changed, saved: [] });
    this.key = `evenly-variants:${about.name}`;
    this.section = document.getElementById("variants");
    this.list = document.getElementById("saved");
  }

  get shown() {
    return this.saved.filter((one) => one.on && one.answer);
  }

  // Those that were saved before the page was loaded again.
  async restore() {
    const before = kept(this.key, []);
    for (const { name, state } of Array.isArray(before) ? before.slice(0, this.about.most_variants) : []) if (NAME.test(name)) this.saved.push({ name, state, on: true, color: this.color() });
    await this.refresh();
  }

  // Asks again what the saved states select: after a reload, or when the pool is another one.
  async refresh() {
    for (const one of this.saved) {
      try {
        Object.assign(one, await this.view(one.state), { fault: "" });
      } catch (fault) {
        if (fault instanceof Lost) return;
        Object.assign(one, { answer: null, fault: fault.message });
      }
    }
    this.draw();
  }

  color() {
    return COLORS.find((color) => !this.saved.some((one) => one.color === color)) ?? COLORS[0];
  }

  fault(name) {
    if (!NAME.test(name)) return "letters, digits, dots, - and _, the first one a letter or a digit";
    if (name === this.about.name) return "is the recipe's own name";
    if (this.saved.length >= this.about.most_variants && !this.saved.some((one) => one.name === name)) return `at most ${this.about.most_variants} are kept: take one out first`;
    return "";
  }

  async save(name) {
    const state = structuredClone(this.store.now);
    const found = await this.view(state);
    const there = this.saved.find((one) => one.name === name);
    if (there) Object.assign(there, { state, ...found, fault: "" });
    else this.saved.push({ name, state, on: true, color: this.color(), ...found });
    this.keep();
  }

  drop(one) {
    const place = this.saved.indexOf(one);
    this.saved = this.saved.filter((other) => other !== one);
    this.keep();
    const next = this.list.children[Math.min(place, this.saved.length - 1)];
    (next?.querySelector("button:last-child") ?? document.getElementById("save")).focus();
  }

  keep() {
    keep(this.key, this.saved.map(({ name, state }) => ({ name, state })));
    this.draw();
    this.changed();
  }

  draw() {
    this.section.hidden = !this.saved.length;
    this.list.replaceChildren(...this.saved.map((one) => {
      const box = el("input", { type: "checkbox", ...(one.on ? { checked: true } : {}), on: { change: () => { one.on = box.checked; this.changed(); } } });
      const mark = el("span", { class: "mark", "aria-hidden": "true" });
      mark.style.background = one.color;
      const told = one.answer ? `${number(one.answer.facts.rows)} rows` : one.fault || "…";
      return el("li", {},
        el("label", {}, box, mark, el("b", { text: one.name }), " ", el("span", { class: one.answer ? "figure" : "wrong", text: told })),
        el("button", { type: "button", text: "Go to", "aria-label": `Go to ${one.name}`, on: { click: () => this.store.change(structuredClone(one.state)) } }),
        el("button", { type: "button", text: "Take out", "aria-label": `Take out ${one.name}`, on: { click: () => this.drop(one) } }));
    }));
  }
}

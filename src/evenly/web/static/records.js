// Real records of a bar that was clicked: whole texts, a few at a time.

import { ask } from "./api.js";
import { el } from "./dom.js";
import { labelled, number } from "./numbers.js";

export class Records {
  constructor(store) {
    this.store = store;
    this.dialog = document.getElementById("records");
    this.title = document.getElementById("records-title");
    this.list = document.getElementById("records-list");
    this.dialog.querySelector(".close").addEventListener("click", () => this.dialog.close());
    this.dialog.addEventListener("click", (event) => event.target === this.dialog && this.dialog.close());
    this.dialog.addEventListener("close", () => this.list.replaceChildren());
    const side = (text, selected) => el("button", { type: "button", text, on: { click: () => this.load({ ...this.asked, selected, skip: 0 }) } });
    this.sides = { true: side("Selected", true), false: side("Of the pool", false) };
    this.more = el("button", { type: "button", text: "Other records", on: { click: () => this.load({ ...this.asked, skip: this.next }) } });
    document.getElementById("records-switches").append(...Object.values(this.sides), this.more);
  }

  // bar: {chart, place, category}; view: what is shown, to tell where the bar lies
  open(bar, view) {
    this.where = described(bar, view.ground);
    this.state = structuredClone(this.store.now);
    this.list.replaceChildren();
    if (!this.dialog.open) this.dialog.showModal();
    return this.load({ ...bar, category: bar.category ?? null, selected: true, skip: 0 });
  }

  async load(asked) {
    this.asked = asked;
    for (const [side, button] of Object.entries(this.sides)) button.setAttribute("aria-pressed", String(side === String(asked.selected)));
    let found;
    try {
      found = await ask("bar", { ...asked, state: this.state });
    } catch (fault) {
      this.title.textContent = this.where;
      this.list.replaceChildren(el("li", { class: "wrong", text: fault.message }));
      return;
    }
    if (asked !== this.asked) return;
    this.next = asked.skip + found.rows.length >= found.count ? 0 : asked.skip + found.rows.length;
    this.more.disabled = found.count <= found.rows.length;
    this.title.textContent = `${this.where}: ${number(found.count)} ${asked.selected ? "selected" : "in the pool"}`;
    this.list.start = asked.skip + 1;
    this.list.replaceChildren(...(found.rows.length ? found.rows.map(record) : [el("li", { text: "No record lies here." })]));
    for (const text of this.list.querySelectorAll("pre")) if (text.scrollHeight > text.clientHeight) text.tabIndex = 0; // keys scroll what has the focus
  }
}

function record({ facts, parts }) {
  return el("li", {},
    el("dl", { class: "facts" }, ...facts.map(([name, value]) => el("div", {}, el("dt", { text: name }), el("dd", {}, el("bdi", { text: value }))))),
    ...parts.map(({ role, text }) => el("pre", { data: { role } }, text)));
}

function described({ chart, place, category }, ground) {
  if (chart === "category") return `${ground.category}: ${ground.categories.shown[place]}`;
  if (chart === "strata") return `Stratum ${ground.strata.names[place]}`;
  const picture = ground.pictures[chart];
  const edges = picture.edges ?? picture.label;
  const told = (value) => labelled(value, ground.dates && chart !== "tokens");
  const name = chart === "tokens" ? "tokens" : ground.label;
  const range = place === 0 ? `below ${told(edges[0])}` : place === edges.length ? `from ${told(edges.at(-1))}` : `${told(edges[place - 1])} – ${told(edges[place])}`;
  const kind = category === null || category === undefined ? "" : `, ${picture.categories[category] ?? "others"}`;
  return `${name} ${range}${kind}`;
}

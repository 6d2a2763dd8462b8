// The studio's page. Data flow one way: a control changes the state, the server says what that selects, and everything
// is drawn from the answer. While an answer is awaited the last picture stays; only the newest state is asked for next.

import { Lost, Refused, ask, listen } from "./api.js";
import { thresholdOf, withThreshold, written } from "./balance.js";
import { Charts } from "./charts.js";
import { Controls } from "./controls.js";
import { el, say } from "./dom.js";
import { Jobs, Progress } from "./jobs.js";
import { Records } from "./records.js";
import { Store } from "./state.js";
import { Variants } from "./variants.js";
import { Views, byId } from "./views.js";
import { Weights } from "./weights.js";

const BUSY = 300; // milliseconds after which an answer counts as slow

const dark = matchMedia("(prefers-color-scheme: dark)");
const theme = () => (dark.matches ? "dark" : "light");

class Page {
  constructor(about) {
    this.about = about;
    this.grounds = new Map();
    this.store = new Store(about.state, () => this.changed());
    this.controls = new Controls(byId("controls"), about, this.store);
    this.controls.failed = (fault) => this.notice(fault);
    this.views = new Views(about);
    this.records = new Records(this.store);
    this.variants = new Variants(about, this.store, (state) => this.look(state), () => this.draw());
    this.weights = new Weights(byId("categories"), byId("weight-actions"), byId("categories-told"), this.controls, ask);
    this.weights.onBar = (place) => this.records.open({ chart: "category", place, category: null }, this.view);
    this.jobs = new Jobs(about, this.store, this.variants);
    this.charts = this.draws();
    this.buttons();
    say(byId("name"), about.name);
    document.title = `${about.name} – Evenly studio`;
    byId("waiting").hidden = true;
    byId("studio").hidden = false;
    this.variants.restore().then(() => this.changed());
  }

  draws() {
    const places = Object.fromEntries(["label", "strata", "mix", "tokens"].map((name) => [name, byId(`chart-${name}`)]));
    const charts = new Charts(places, {
      label: this.about.label,
      category: this.about.category,
      onBar: (bar) => this.records.open(bar, this.view),
      onTakeAll: (value, { done }) => this.controls.change(withThreshold(this.controls.balance, value === null ? null : written(value, this.view.ground.strata.x ?? [])), done),
    });
    this.look_ = { log: false, share: true };
    charts.set({ ...this.look_, theme: theme() });
    dark.addEventListener("change", () => (charts.set({ theme: theme() }), this.draw()));
    const flip = (name, texts) => {
      const button = el("button", { type: "button", text: texts[Number(this.look_[name])], on: { click: () => {
        this.look_[name] = !this.look_[name];
        button.textContent = texts[Number(this.look_[name])];
        charts.set({ [name]: this.look_[name] });
        this.draw();
      } } });
      return button;
    };
    this.log = flip("log", ["Logarithmic", "Linear"]);
    byId("label-switches").append(flip("share", ["As shares", "As records"]), this.log);
    return charts;
  }

  buttons() {
    const { store } = this;
    byId("undo").addEventListener("click", () => store.undo());
    byId("redo").addEventListener("click", () => store.redo());
    byId("download").addEventListener("click", () => this.download());
    addEventListener("keydown", (event) => {
      const texts = event.target.matches?.("input[type=text]");
      if (texts || !(event.ctrlKey || event.metaKey)) return;
      const key = event.key.toLowerCase();
      if (key === "z") (event.preventDefault(), event.shiftKey ? store.redo() : store.undo());
      if (key === "y") (event.preventDefault(), store.redo());
    });
  }

  changed() {
    this.controls.show();
    const [undo, redo] = [byId("undo"), byId("redo")];
    if (document.activeElement === undo && !this.store.past.length) (redo.disabled = false, redo.focus());
    if (document.activeElement === redo && !this.store.future.length) (undo.disabled = false, undo.focus());
    undo.disabled = !this.store.past.length;
    redo.disabled = !this.store.future.length;
    this.wanted = this.store.now;
    document.documentElement.dataset.asking = "";
    if (!this.asking) this.asking = this.answer().finally(() => {
      this.asking = null;
      delete document.documentElement.dataset.asking;
    });
  }

  // Asks for the newest state until none is newer.
  async answer() {
    while (this.wanted) {
      const state = this.wanted;
      this.wanted = null;
      const begun = performance.now();
      const busy = setTimeout(() => this.busy(true), BUSY);
      try {
        const view = await this.look(state);
        const answered = performance.now();
        this.view = view;
        this.controls.learn(view);
        this.settle([], view.answer.blocked);
        await this.draw();
        Object.assign(document.documentElement.dataset, {
          answered: (answered - begun).toFixed(1), drawn: (performance.now() - begun).toFixed(1), turn: Number(document.documentElement.dataset.turn ?? 0) + 1,
        });
      } catch (fault) {
        this.failed(fault);
        if (fault instanceof Lost) return;
      } finally {
        clearTimeout(busy);
        this.busy(false);
      }
    }
  }

  // Says that an answer takes its time; the last picture stays meanwhile.
  busy(is) {
    const place = byId("connection");
    place.classList.toggle("busy", is);
    if (place.dataset.state === "there") say(place, is ? "counting …" : "connected");
  }

  // What a state selects, with the ground that it stands on: that is sent once, and a few are kept.
  async look(state) {
    const known = this.grounds.has(this.newest) ? this.newest : null;
    const answer = await ask("view", { state, known });
    if (answer.ground) {
      this.grounds.delete(answer.on);
      this.grounds.set(answer.on, answer.ground);
      while (this.grounds.size > 6) this.grounds.delete(this.grounds.keys().next().value);
      delete answer.ground;
    }
    this.newest = answer.on;
    return { ground: this.grounds.get(answer.on), answer };
  }

  draw() {
    if (!this.view) return Promise.resolve();
    const { ground, answer } = this.view;
    this.controls.show();
    this.views.show(this.view, this.variants.shown);
    this.weights.show(this.view);
    this.log.hidden = !ground.pictures.label_log;
    const threshold = ground.strata.kind === "along" ? thresholdOf(this.controls.balance) : undefined;
    this.charts.set({ log: this.look_.log && Boolean(ground.pictures.label_log), takeAll: threshold });
    return this.charts.show({ ground, answer }, this.variants.shown);
  }

  failed(fault) {
    if (fault instanceof Refused) this.settle(fault.faults, null);
    else if (fault instanceof Lost) return;
    else throw fault;
  }

  // Says what went wrong with something that was asked for besides; the plan is as it was.
  notice(fault) {
    if (!(fault instanceof Refused)) return this.failed(fault);
    say(byId("trouble"), fault.message);
    return undefined;
  }

  // Says what is wrong, and what can be done now.
  settle(faults, blocked) {
    const homeless = this.controls.blame(faults);
    const place = byId("trouble");
    const missing = faults.some((one) => one.text.includes("the curated pool has no column"));
    const curate = missing ? el("button", { type: "button", text: "Curate a pool that has it", on: { click: () => ask("curate", { state: this.store.now }).catch((fault) => this.notice(fault)) } }) : "";
    const all = faults.length ? `This plan can't be met${this.view ? "; the picture is of the last one that could" : ""}. ${homeless.join(" ")}` : blocked ? `A build would be refused. ${blocked}` : "";
    place.replaceChildren(all, curate);
    document.body.classList.toggle("impossible", faults.length > 0);
    for (const id of ["save", "download"]) byId(id).disabled = faults.length > 0;
    byId("build").disabled = faults.length > 0 || Boolean(blocked);
    byId("ablate").disabled = faults.length > 0;
  }

  async download() {
    try {
      const { text } = await ask("recipe", { state: this.store.now });
      const link = el("a", { href: URL.createObjectURL(new Blob([text], { type: "application/yaml" })), download: `${this.about.name}.yaml` });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    } catch (fault) {
      this.notice(fault);
    }
  }
}

let page = null;
let pool = null;
const waiting = new Progress();
const again = el("button", { type: "button", text: "Try again", hidden: true, on: { click: () => ask("curate", {}).catch((fault) => say(byId("trouble"), fault.message)) } });
byId("waiting-job").append(waiting.node, again);

async function news({ ready, job, pool: newest }) {
  if (!ready) {
    if (page instanceof Page) page.jobs.show(job);
    if (job) waiting.show(job);
    again.hidden = job?.state === "running";
    say(byId("waiting-title"), again.hidden ? "The pool is being curated" : "There is no pool yet");
    return;
  }
  if (!page) {
    page = "coming";
    try {
      page = new Page(await ask("about"));
      pool = newest;
    } catch (fault) {
      page = null;
      say(byId("trouble"), fault.message);
      return;
    }
  }
  if (page === "coming") return;
  page.jobs.show(job);
  if (pool !== newest) {
    pool = newest;
    page.variants.refresh();
    page.changed();
  }
}

listen({
  news,
  connected: (there) => {
    const place = byId("connection");
    place.dataset.state = there ? "there" : "lost";
    say(place, there ? "connected" : "not connected");
    if (!there) pool = null; // a server that is there again may be another: all is asked anew once it has a pool
  },
});

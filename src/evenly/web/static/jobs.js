// Work that takes a while: curating, building, ablating; and the two dialogs that begin it.

import { address, ask } from "./api.js";
import { el, say } from "./dom.js";
import { number } from "./numbers.js";

const WORDS = { curate: "Curating", build: "Building", ablate: "Training proxies on" };
const DONE = { curate: "Curated", build: "Built", ablate: "Ablation" };

const cancel = () => ask("cancel", {}).catch((fault) => say(document.getElementById("trouble"), fault.message));

// A job's progress: phase, bar, seconds, what it said. The parts stay; their texts and the bar change.
export class Progress {
  constructor() {
    this.title = el("b");
    this.bar = el("progress", { max: 1, "aria-label": "Progress" });
    this.told = el("span", { class: "figure" });
    this.notes = el("ul", { class: "notes" });
    this.stop = el("button", { type: "button", text: "Cancel", on: { click: cancel } });
    this.node = el("div", { class: "progress", role: "status" }, this.title, this.bar, this.told, this.stop, this.notes);
  }

  show(job) {
    const running = job.state === "running";
    say(this.title, running ? `${WORDS[job.kind]} ${job.name}` : job.state === "done" ? `${DONE[job.kind]}: ${job.name}` : `${WORDS[job.kind]} ${job.name}: ${job.state}`);
    if (running && job.total) this.bar.value = job.done / job.total;
    else this.bar.removeAttribute("value");
    this.bar.hidden = !running;
    this.stop.hidden = !running;
    this.stop.disabled = Boolean(job.stopping);
    say(this.stop, job.stopping ? "Stopping …" : "Cancel");
    const far = job.unit === "bytes" ? `${number(Math.round(job.done / 1e6))} of ${number(Math.round(job.total / 1e6))} MB` : `${number(job.done)} of ${number(job.total)} ${job.unit ?? ""}`;
    say(this.told, running ? `${job.phase ?? "begins"} · ${job.phase ? far : ""} · ${Math.round(job.seconds)} s` : job.text || `${Math.round(job.seconds)} s`);
    this.told.classList.toggle("wrong", job.state === "failed");
    const notes = JSON.stringify(job.notes);
    if (this.said !== notes) {
      this.said = notes;
      this.notes.replaceChildren(...job.notes.map((text) => el("li", { text })));
    }
  }
}

// The dialogs: `asked` is what the server is asked with the name that is given.
export class Jobs {
  constructor(about, store, variants) {
    Object.assign(this, { about, store, variants });
    this.dialog = document.getElementById("ask");
    this.form = document.getElementById("ask-form");
    this.place = document.getElementById("job");
    this.progress = new Progress();
    this.close = el("button", { type: "button", class: "close", text: "×", "aria-label": "Close", on: { click: () => this.dismiss() } });
    this.place.append(this.progress.node, this.close);
    document.getElementById("build").addEventListener("click", () => this.build());
    document.getElementById("ablate").addEventListener("click", () => this.ablate());
    document.getElementById("save").addEventListener("click", () => this.save());
  }

  dismiss() {
    this.dismissed = this.number;
    this.place.hidden = true;
  }

  show(job) {
    if (!job || job.kind === "curate" && job.state === "done") {
      this.place.hidden = true;
      return;
    }
    const running = job.state === "running";
    if (running) [this.ran, this.told, this.dismissed] = [job.number, null, null]; // another server counts its jobs from one on again
    this.number = job.number;
    this.place.hidden = !running && (this.dismissed === job.number || job.state === "done" && this.ran !== job.number);
    this.close.hidden = running;
    this.progress.show(job);
    if (job.state !== "done" || this.told === job.number || !job.result?.page && job.kind !== "build") return;
    this.told = job.number;
    this.result(job);
    if (this.ran === job.number) document.getElementById("view-result").scrollIntoView({ block: "nearest" });
  }

  // What came out: where it is, how it is verified, and its page.
  result({ kind, name, result }) {
    const section = document.getElementById("view-result");
    section.hidden = false;
    document.getElementById("result-title").textContent = kind === "build" ? `Built: ${name}` : `Ablation: ${name}`;
    const page = result.page ? address(`outputs/${encodeURIComponent(name)}/${encodeURIComponent(result.page)}`) : null;
    const splits = Object.entries(result.splits ?? {}).map(([split, rows]) => `${split} ${number(rows)}`).join(", ");
    const told = kind === "build"
      ? [el("p", {}, "In ", el("code", { text: result.folder }), ` are ${number(result.selected + result.repeated)} rows${splits ? `: ${splits}` : ""}.`), el("p", {}, "Check it with ", el("code", { text: `evenly verify ${result.folder}` }))]
      : [el("p", {}, "The page and all predictions are in ", el("code", { text: result.folder }))];
    const frame = page ? el("iframe", { src: page, title: kind === "build" ? "Report of the output" : "Ablation", sandbox: "allow-scripts", loading: "lazy" }) : null;
    document.getElementById("result-actions").replaceChildren(...(page ? [el("a", { href: page, target: "_blank", rel: "noopener", text: "Open the page by itself" })] : []));
    document.getElementById("result").replaceChildren(...told, frame ?? "");
  }

  build() {
    this.open("Build the dataset", "build", `${this.about.name}-studio`, "Runs the recipe as it stands now, into a folder beside it.", () => ({ state: this.store.now }));
  }

  ablate() {
    const saved = this.variants.saved;
    const names = saved.length ? saved.map((one) => one.name).join(", ") : "this state alone";
    const rows = el("input", { type: "text", inputmode: "numeric", id: "ablate-rows", placeholder: "as many as all have, at most 12,000" });
    const extra = el("div", { class: "control" }, el("div", { class: "names" }, el("label", { for: "ablate-rows", text: "Training rows of each" })), rows);
    this.open("Ablate", "ablate", "ablation", `Trains small proxies on ${names}, each beside a proportional sample of the same budget, and says where that helps, hurts, or can't be told.`, () => ({
      variants: saved.length ? saved.map(({ name, state }) => ({ name, state })) : [{ name: this.about.name, state: this.store.now }],
      rows: Number(rows.value.replaceAll(",", "")) || null,
    }), extra);
  }

  save() {
    let count = 1;
    while (this.variants.saved.some((one) => one.name === `variant-${count}`)) count++;
    this.open("Save as a variant", null, `variant-${count}`, `Up to ${this.about.most_variants} are overlaid and compared.`, null);
  }

  open(title, question, name, told, asked, extra = null) {
    const field = el("input", { type: "text", id: "ask-name", value: name, spellcheck: "false", "aria-describedby": "ask-fault" });
    const fault = el("p", { class: "fault", id: "ask-fault", role: "alert" });
    const force = el("input", { type: "checkbox" });
    const replace = el("label", { class: "check", hidden: true }, force, "Replace it");
    const go = async () => {
      fault.textContent = "";
      try {
        if (question) await ask(question, { ...asked(), name: field.value.trim(), force: force.checked });
        else {
          const wrong = this.variants.fault(field.value.trim());
          if (wrong) throw new Error(wrong);
          await this.variants.save(field.value.trim());
        }
        this.dialog.close();
      } catch (reason) {
        fault.textContent = reason.message;
        replace.hidden = replace.hidden && !/Replace it/.test(reason.message);
      }
    };
    this.form.onsubmit = (event) => (event.preventDefault(), go());
    this.form.replaceChildren(
      el("h2", { id: "ask-title", text: title }),
      el("p", { class: "told", text: told }),
      el("div", { class: "control" }, el("div", { class: "names" }, el("label", { for: "ask-name", text: "Name" })), field),
      extra ?? "", fault, replace,
      el("div", { class: "switches" }, el("button", { type: "submit", class: "first", text: title }), el("button", { type: "button", text: "Cancel", on: { click: () => this.dialog.close() } })));
    this.dialog.showModal();
    field.select();
  }
}

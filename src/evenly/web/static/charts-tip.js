// The tooltip that all charts share: an element of the page, so that what it tells is text and nothing else.

export class Tip {
  constructor() {
    this.box = document.createElement("div");
    this.box.className = "chart-tip";
    this.box.setAttribute("aria-hidden", "true"); // the cursor's value text says the same
    this.title = document.createElement("p");
    this.list = document.createElement("dl");
    this.box.append(this.title, this.list);
    document.body.append(this.box);
    this.owner = null;
  }

  /** Show a title and rows of [name, value] beside a point of the window. */
  show(owner, { title, rows }, { x, y }) {
    this.owner = owner;
    this.title.textContent = title;
    while (this.list.children.length > rows.length * 2) this.list.lastChild.remove();
    rows.forEach(([name, value], place) => {
      this._cell(place * 2, "dt").textContent = name;
      this._cell(place * 2 + 1, "dd").textContent = value;
    });
    this.box.classList.add("visible");
    const { offsetWidth: width, offsetHeight: height } = this.box;
    const [wide, high] = [document.documentElement.clientWidth, window.innerHeight];
    const left = x + 14 + width <= wide ? x + 14 : x - 14 - width;
    this.box.style.left = `${Math.max(4, Math.min(left, wide - width - 4))}px`;
    this.box.style.top = `${Math.max(4, Math.min(y + 14, high - height - 4))}px`;
  }

  _cell(place, name) {
    const here = this.list.children[place];
    if (here) return here;
    const made = document.createElement(name);
    this.list.append(made);
    return made;
  }

  color(colors) {
    for (const [name, value] of Object.entries(colors)) {
      if (typeof value === "string") this.box.style.setProperty(`--chart-${name}`, value);
    }
  }

  hide(owner) {
    if (this.owner !== owner) return;
    this.owner = null;
    this.box.classList.remove("visible");
  }

  destroy() {
    this.box.remove();
  }
}

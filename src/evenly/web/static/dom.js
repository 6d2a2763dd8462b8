// Elements from data. Text is only ever set as text: names come from other people's records.

// el("p", {class: "told", text: "…", on: {click: f}, data: {key: "seed"}, hidden: true}, child, …)
export function el(tag, props = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "text") made.textContent = value;
    else if (name === "on") for (const [event, heard] of Object.entries(value)) made.addEventListener(event, heard);
    else if (name === "data") Object.assign(made.dataset, value);
    else if (value === true) made.setAttribute(name, "");
    else made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

// Sets a text only where it changed, so that nothing is laid out again for nothing.
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

// columns: texts; rows: lists of texts, the first of each is the row's head
export function table(caption, columns, rows) {
  const head = el("tr", {}, ...columns.map((text) => el("th", { scope: "col", text })));
  const lines = rows.map(([first, ...others]) =>
    el("tr", {}, el("th", { scope: "row", text: first }), ...others.map((text) => el("td", { text }))),
  );
  return el("table", {}, el("caption", { text: caption }), el("thead", {}, head), el("tbody", {}, ...lines));
}

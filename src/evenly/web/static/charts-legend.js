// Legends in the page's own text: rows of a colour, a name and how much there is of it.

/** Fill a list with entries {name, color, shape, told, room}. The elements are kept, and `room` is how many
 * characters may be told: a line that wraps when a number grows would move the drawing. */
export const fillLegend = (list, entries) => {
  while (list.children.length > entries.length) list.lastChild.remove();
  entries.forEach((entry, place) => {
    const item = list.children[place] ?? list.appendChild(newItem());
    const [mark, name, told] = item.children;
    mark.className = `chart-mark ${entry.shape ?? "square"}`;
    mark.style.setProperty("--mark", entry.color);
    name.textContent = entry.name;
    told.textContent = entry.told ?? "";
    told.style.minWidth = entry.room ? `${entry.room}ch` : "";
  });
};

const newItem = () => {
  const item = document.createElement("li");
  item.append(document.createElement("span"), document.createElement("span"), document.createElement("span"));
  item.children[2].className = "chart-told";
  return item;
};

export const legendList = (parent) => {
  const list = document.createElement("ul");
  list.className = "chart-legend";
  parent.append(list);
  return list;
};

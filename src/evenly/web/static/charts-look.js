// Colours and axes that all charts share. The colours are those of the report (evenly/reporting/design.py).

const CATEGORY_COLORS = ["#332288", "#88ccee", "#44aa99", "#117733", "#999933", "#ddcc77", "#cc6677", "#882255", "#aa4499"];
const OTHER_COLOR = "#bbbbbb";
const ON_DARK = { "#332288": "#7f74d6", "#117733": "#2f9e58", "#882255": "#c2568b" };
const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'DejaVu Sans', sans-serif";

const SHADES = {
  light: { paper: "#ffffff", ink: "#1c2126", quiet: "#5b6570", line: "#d9dee3", before: "#8f99a3", after: "#1f77b4", accent: "#c4402f" },
  dark: { paper: "#14181c", ink: "#e6eaee", quiet: "#9ba6b1", line: "#343c44", before: "#8a95a0", after: "#4ba3e0", accent: "#f0806f" },
};

/** What sets a quota -> its colour. Those that can't occur under one policy share theirs. */
const BOUND_COLORS = {
  take_all: "#117733", capacity: "#ddcc77", cap: "#332288", floor: "#44aa99", ceiling: "#882255",
  share: "#88ccee", target: "#88ccee", marginals: "#88ccee", size: "#88ccee", "": OTHER_COLOR,
};

/** A colour as it is on the paper of a theme. */
export const shaded = (color, theme) => (theme === "dark" ? ON_DARK[color] ?? color : color);

/** All colours of a theme: of the paper and the sides, of categories by rank (the last: all others), of what binds. */
export const palette = (theme) => ({
  ...SHADES[theme],
  categories: [...CATEGORY_COLORS, OTHER_COLOR].map((color) => shaded(color, theme)),
  bounds: Object.fromEntries(Object.entries(BOUND_COLORS).map(([bound, color]) => [bound, shaded(color, theme)])),
});

/** The configuration of every drawing. */
export const config = (colors) => ({
  background: "transparent",
  font: FONT,
  axis: {
    labelColor: colors.quiet, titleColor: colors.ink, labelFontSize: 11, titleFontSize: 12, titleFontWeight: "normal",
    domainColor: colors.line, tickColor: colors.line, gridColor: colors.line, gridOpacity: 0.6, labelFont: FONT, titleFont: FONT,
  },
  text: { font: FONT },
});

/** Vega leaves out every other mark that it is given if there are more than the count. */
const ALL = 1000;

/** Below the drawing: marks where a signal says, or as many as there is room for. */
export const bottomAxis = (more = {}) => ({
  scale: "x", orient: "bottom", title: { signal: "xTitle" }, titlePadding: 6, titleLimit: { signal: "width" },
  tickCount: { signal: `isValid(xTicks) ? ${ALL} : max(2, floor(width / 60))` }, labelOverlap: "greedy", labelSeparation: 6, labelFlush: 12, ...more,
});

/** On the left, over the width of the drawing as a grid. */
export const leftAxis = (more = {}) => ({
  scale: "y", orient: "left", grid: true, domain: false, ticks: false, labelPadding: 6, tickCount: 4, ...more,
});

/** What the left axis counts, written above it: turned on its side it would cost width on a phone. */
export const leftTitle = (colors, left) => ({
  type: "text", interactive: false,
  encode: {
    enter: { fill: { value: colors.ink }, fontSize: { value: 12 }, x: { value: 6 - left }, y: { value: -12 } },
    update: { text: { signal: "yTitle" } },
  },
});

/** Lines of other plans over a drawing: rows of data with `name`, `color` and a path of x and y in steps. */
export const variantLines = (width = 1.5) => ({
  type: "group", from: { facet: { name: "variant", data: "variants", groupby: "name" } },
  marks: [{
    type: "line", interactive: false, from: { data: "variant" },
    encode: {
      enter: { interpolate: { value: "step-after" }, strokeWidth: { value: width } },
      update: { x: { scale: "x", field: "x" }, y: { scale: "y", field: "y" }, stroke: { field: "color" } },
    },
  }],
});

/** An area in steps over rows of x and y, down to zero or to `low`. */
export const stepArea = (data, fill, opacity, low = { scale: "y", value: 0 }) => ({
  type: "area", interactive: false, from: { data },
  encode: {
    enter: { interpolate: { value: "step-after" }, fill: { value: fill }, fillOpacity: { value: opacity } },
    update: { x: { scale: "x", field: "x" }, y: { scale: "y", field: "y" }, y2: low },
  },
});

/** A line in steps over rows of x and y. */
export const stepLine = (data, stroke, width = 1.5) => ({
  type: "line", interactive: false, from: { data },
  encode: {
    enter: { interpolate: { value: "step-after" }, stroke: { value: stroke }, strokeWidth: { value: width } },
    update: { x: { scale: "x", field: "x" }, y: { scale: "y", field: "y" } },
  },
});

/** A path in steps from edges and what is counted between them; where nothing changes there is no point. */
export const steps = (edges, counts, more = {}) => {
  const path = [];
  for (let place = 0; place < counts.length; place += 1) {
    if (place && counts[place] === counts[place - 1]) continue;
    path.push({ x: edges[place], y: counts[place], ...more });
  }
  if (counts.length) path.push({ x: edges[counts.length], y: counts[counts.length - 1], ...more });
  return path;
};

const ROUND = [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10];

/** The next round number from a value on: the end of an axis. */
export const roundUp = (value) => {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return ROUND.find((factor) => factor * power >= value * (1 - 1e-9)) * power;
};

/** Marks of a logarithmic axis within two ends: powers of ten, also twice and five times these where there is room. */
export const decades = (low, high, width) => {
  const span = Math.log10(high / low);
  const factors = width / Math.max(span, 0.5) > 150 ? [1, 2, 5] : width / Math.max(span, 0.5) > 90 ? [1, 3] : [1];
  const marks = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power += 1) {
    marks.push(...factors.map((factor) => Number((factor * 10 ** power).toPrecision(3))));
  }
  const inside = marks.filter((mark) => mark >= low * (1 - 1e-9) && mark <= high * (1 + 1e-9));
  return inside.length ? inside : [low, high];
};

"use strict";
// Draws the charts in the reader's colours, again when these change, and in light ones for paper.
(() => {
  const specs = JSON.parse(document.getElementById("specs").textContent);
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const shades = { light: {}, dark: JSON.parse(document.getElementById("specs").dataset.dark) };
  let turn = 0;

  const recoloured = (value, map) => {
    if (typeof value === "string") return map[value] || value;
    if (Array.isArray(value)) return value.map((one) => recoloured(one, map));
    if (value && typeof value === "object") {
      return Object.fromEntries(
        Object.entries(value).map(([name, one]) => [name, name === "values" || name === "domain" ? one : recoloured(one, map)]),
      );
    }
    return value;
  };

  const draw = async (theme) => {
    const mine = ++turn;
    for (const [id, spec] of Object.entries(specs)) {
      if (mine !== turn) return;
      await vegaEmbed("#" + id, recoloured(spec, shades[theme]), {
        renderer: "svg", actions: false, ast: true, defaultStyle: false, tooltip: { disableDefaultStyle: true },
      });
    }
    for (const mark of document.querySelectorAll(".legend rect")) {
      mark.dataset.color = mark.dataset.color || mark.getAttribute("fill");
      mark.setAttribute("fill", recoloured(mark.dataset.color, shades[theme]));
    }
    document.documentElement.dataset.drawn = theme;
  };

  const now = () => draw(dark.matches ? "dark" : "light");
  dark.addEventListener("change", now);
  window.addEventListener("beforeprint", () => dark.matches && draw("light"));
  window.addEventListener("afterprint", () => dark.matches && now());
  now();
})();

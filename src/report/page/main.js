// Putting the page together.
const count = (number, one, many) => `${number} ${number === 1 ? one : many}`;

function start() {
  readAddress();
  const volumes = DATA.datasets.reduce((sum, dataset) => sum + dataset.volumes, 0);
  by("lead").textContent = `${count(DATA.codecs.length, "codec", "codecs")} on ${count(volumes, "volume", "volumes")} of ` +
    `${count(DATA.datasets.length, "data set", "data sets")}, every one decoded and compared with the original.`;
  by("notes").hidden = !DATA.notes.length;
  by("notes").replaceChildren(...DATA.notes.map((note) => h("li", {}, note)));
  by("footer").textContent = `Made by aiWave ${DATA.version} on ${DATA.created}. The numbers are in rd.csv, bd.csv and tables.md beside this page.`;
  chips("dataset-chips", DATA.datasets.map((dataset) => dataset.name), () => state.datasets, () => ({ kind: "plain" }));
  chips("codec-chips", DATA.codecs.map((codec) => codec.name), () => state.codecs, (c) => ({
    kind: DATA.codecs[c].learned ? "learned" : "", icon: swatch(c), enter: () => highlight(c), leave: () => highlight(null) }));
  const anchors = [...new Set([DATA.anchor, ...DATA.bd.map((entry) => entry[0])])].sort((a, b) => a - b);
  by("anchor").replaceChildren(...anchors.map((c) => h("option", { value: c }, DATA.codecs[c].name)));
  bind("anchor", "change", (input) => { state.anchor = Number(input.value); });
  bind("measure", "change", (input) => { state.measure = input.value; });
  bind("scale", "change", (input) => { state.scale = input.value; });
  bind("each", "change", (input) => { state.each = input.checked; });
  redraws.push(() => {
    by("anchor").value = state.anchor; by("measure").value = state.measure;
    by("scale").value = state.scale; by("each").checked = state.each;
  }, drawPanels, drawDeltas, drawLossless, drawSpeed, drawSlices);
  by("theme").addEventListener("click", () => {
    const root = document.documentElement, dark = root.style.colorScheme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
    root.style.colorScheme = dark === "dark" ? "light" : "dark";
  });
  drawRuns();
  redraws.forEach((redraw) => redraw());
  let width = innerWidth;
  addEventListener("resize", () => { if (innerWidth !== width) { width = innerWidth; drawPanels(); drawSpeed(); } });
  addEventListener("hashchange", () => { readAddress(); redraws.forEach((redraw) => redraw()); });
}

function bind(id, event, apply) { by(id).addEventListener(event, () => { apply(by(id)); changed(); }); }

start();

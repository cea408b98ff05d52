// Which data sets and codecs are shown; kept in the address, so that a view can be sent to someone.
const state = { datasets: new Set(), codecs: new Set(), scale: "log", each: false, anchor: DATA.anchor, measure: "rate" };
const redraws = [];

function readAddress() {
  const given = new URLSearchParams(location.hash.slice(1));
  const chosen = (key, names) => {
    const wanted = given.getAll(key), all = names.map((_, k) => k);
    const found = all.filter((k) => wanted.includes(names[k]));
    return new Set(found.length ? found : all);
  };
  state.datasets = chosen("data", DATA.datasets.map((dataset) => dataset.name));
  state.codecs = chosen("codec", DATA.codecs.map((codec) => codec.name));
  state.scale = given.get("scale") === "linear" ? "linear" : "log";
  state.each = given.has("each");
  state.measure = given.get("show") === "psnr" ? "psnr" : "rate";
  const anchor = DATA.codecs.findIndex((codec) => codec.name === given.get("anchor"));
  state.anchor = anchor >= 0 ? anchor : DATA.anchor;
}

function writeAddress() {
  const kept = new URLSearchParams();
  if (state.datasets.size < DATA.datasets.length) for (const d of state.datasets) kept.append("data", DATA.datasets[d].name);
  if (state.codecs.size < DATA.codecs.length) for (const c of state.codecs) kept.append("codec", DATA.codecs[c].name);
  if (state.scale !== "log") kept.set("scale", state.scale);
  if (state.each) kept.set("each", "1");
  if (state.measure !== "rate") kept.set("show", state.measure);
  if (state.anchor !== DATA.anchor) kept.set("anchor", DATA.codecs[state.anchor].name);
  history.replaceState(null, "", kept.size ? "#" + kept : location.pathname + location.search);
}

function changed() { writeAddress(); for (const redraw of redraws) redraw(); }
const shownDatasets = () => DATA.datasets.map((_, d) => d).filter((d) => state.datasets.has(d));
const shownCodecs = () => DATA.codecs.map((_, c) => c).filter((c) => state.codecs.has(c));

// Chips that show or hide; from "all shown" a click shows that one alone, as does a click with Shift.
function chips(place, names, chosen, decorate) {
  const all = names.map((_, k) => k);
  const buttons = names.map((name, k) => h("button", {
    type: "button", class: `chip ${decorate(k).kind}`,
    onclick: (event) => {
      const set = chosen();
      if (event.shiftKey || (set.size === all.length && all.length > 1)) { set.clear(); set.add(k); }
      else if (!set.delete(k)) set.add(k);
      if (!set.size) all.forEach((other) => set.add(other));
      changed();
    },
    onpointerenter: () => decorate(k).enter?.(), onpointerleave: () => decorate(k).leave?.(),
  }, decorate(k).icon ?? null, name));
  const everything = h("button", { type: "button", class: "chip all", onclick: () => { all.forEach((k) => chosen().add(k)); changed(); } }, "all");
  by(place).replaceChildren(...buttons, everything);
  redraws.push(() => {
    buttons.forEach((button, k) => button.setAttribute("aria-pressed", chosen().has(k)));
    everything.hidden = chosen().size === all.length;
  });
}

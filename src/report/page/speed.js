// Seconds to encode and to decode, on one logarithmic axis.
function drawSpeed() {
  const datasets = shownDatasets();
  const lines = shownCodecs().map((c) => {
    const found = DATA.speed.filter((one) => one[1] === c && state.datasets.has(one[0]));
    const mean = (k) => found.reduce((sum, one) => sum + Math.max(one[k], 1e-4), 0) / found.length;
    return found.length ? { c, encode: mean(2), decode: mean(3) } : null;
  }).filter(Boolean).sort((a, b) => a.encode + a.decode - b.encode - b.decode);
  const cell = (d, c) => {
    const one = DATA.speed.find((entry) => entry[0] === d && entry[1] === c);
    return h("td", {}, one ? `${short(one[2])} / ${short(one[3])}` : "");
  };
  by("speed-table").replaceChildren(grid(datasets, lines.map((line) => line.c), cell));
  by("speed-plot").replaceChildren(speedPlot(lines, Math.max(300, by("speed-plot").clientWidth)));
}

function speedPlot(lines, width) {
  const stacked = width < 620, names = stacked ? 4 : 280, step = stacked ? 44 : 28, height = lines.length * step + 30;
  const all = lines.flatMap((line) => [line.encode, line.decode]);
  const [low, high] = [Math.min(...all) / 1.4, Math.max(...all) * 1.4];
  const x = (v) => names + 8 + Math.log(v / low) / Math.log(high / low) * (width - names - 24);
  const powers = [];
  for (let power = Math.ceil(Math.log10(low)); power <= Math.log10(high); power++) powers.push(10 ** power);
  return s("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "Seconds to encode and decode; the table below has the numbers" },
    powers.map((tick) => [s("line", { class: "grid", x1: x(tick), x2: x(tick), y1: 0, y2: height - 24 }),
      s("text", { x: x(tick), y: height - 7, "text-anchor": "middle" }, `${short(tick)} s`)]),
    lines.map(({ c, encode, decode }, k) => {
      const y = k * step + (stacked ? 32 : 15), stroke = `stroke:${colour(c)}`;
      return s("g", {}, s("title", {}, `${DATA.codecs[c].name}: ${short(encode)} s to encode, ${short(decode)} s to decode`),
        s("text", { class: "name", x: stacked ? 0 : names - 8, y: stacked ? y - 14 : y + 4, "text-anchor": stacked ? "start" : "end" }, clipped(DATA.codecs[c].name, stacked ? 44 : 38)),
        s("line", { class: "stem", x1: x(encode), x2: x(decode), y1: y, y2: y, style: stroke }),
        s("circle", { cx: x(encode), cy: y, r: 5.5, style: `fill:${colour(c)}` }),
        s("circle", { cx: x(decode), cy: y, r: 5, "stroke-width": 2, style: `fill:var(--paper);${stroke}` }));
    }));
}

const clipped = (text, length) => text.length > length ? text.slice(0, length - 1) + "…" : text;

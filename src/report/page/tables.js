// Bjøntegaard deltas and lossless rates: codecs down, data sets across.
function grid(datasets, codecs, cell) {
  return h("table", {},
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "codec"), datasets.map((d) => h("th", { scope: "col" }, DATA.datasets[d].name)))),
    h("tbody", {}, codecs.map((c) => h("tr", { "data-codec": DATA.codecs[c].name },
      h("th", { scope: "row" }, swatch(c), named(c)), datasets.map((d) => cell(d, c))))));
}

function drawDeltas() {
  const entries = DATA.bd.filter((entry) => entry[0] === state.anchor && state.datasets.has(entry[2]) && state.codecs.has(entry[1]));
  const anchor = DATA.codecs[state.anchor].name, rate = state.measure === "rate";
  by("bd").classList.toggle("empty", !DATA.bd.length);
  by("bd-hint").textContent = rate
    ? `Change in bits at equal PSNR against ${anchor}: negative is fewer. Mean over volumes, in brackets its 95 % bootstrap interval; below, the overlap of the curves' PSNR ranges.`
    : `Change in PSNR at equal rate against ${anchor}: positive is better. Mean over volumes, and in brackets its 95 % bootstrap interval.`;
  const reasons = [];
  const cell = (d, c) => {
    const entry = entries.find((one) => one[1] === c && one[2] === d);
    if (!entry) return h("td", {}, "");
    const [mean, count, low, high] = entry[rate ? 3 : 4] ?? [];
    if (entry[6] && !reasons.includes(entry[6])) reasons.push(entry[6]);
    const note = entry[6] ? h("sup", {}, String(reasons.indexOf(entry[6]) + 1)) : null;
    if (mean === undefined) return h("td", { title: entry[6] }, "–", note);
    const digits = rate ? 1 : 2, better = rate ? mean < 0 : mean > 0;
    const interval = low === undefined ? `${count} volume${count > 1 ? "s" : ""}` : `[${signed(low, digits)}, ${signed(high, digits)}]`;
    const share = Math.round(Math.min(1, Math.abs(mean) / (rate ? 45 : 6)) * 42);
    return h("td", { class: "shade", style: `--tone:var(--${better ? "better" : "worse"});--share:${share}%` },
      `${signed(mean, digits)}${rate ? " %" : " dB"}`, note, h("small", {}, interval), rate ? h("small", {}, `over ${Math.round(entry[5] * 100)} %`) : null);
  };
  const codecs = bestFirst(shownCodecs().filter((c) => entries.some((entry) => entry[1] === c)), entries, rate);
  const compared = shownDatasets().filter((d) => entries.some((entry) => entry[2] === d));
  const left = shownDatasets().filter((d) => !compared.includes(d)).map((d) => DATA.datasets[d].name);
  if (compared.length && left.length) by("bd-hint").textContent += ` No volume was coded by both ${anchor} and another codec on ${left.join(", ")}.`;
  const table = codecs.length ? grid(compared, codecs, cell) : h("p", { class: "hint", style: "padding:0 14px" }, `No codec shown has a curve, apart from ${anchor}.`);
  by("bd-table").replaceChildren(table);
  by("reasons").replaceChildren(...reasons.map((reason) => h("li", {}, reason)));
}

// Codecs by their mean over data sets, those without a figure last.
function bestFirst(codecs, entries, rate) {
  const mean = (c) => {
    const found = entries.filter((entry) => entry[1] === c).map((entry) => entry[rate ? 3 : 4]?.[0]).filter((value) => value !== undefined);
    return found.length ? (rate ? 1 : -1) * found.reduce((sum, value) => sum + value, 0) / found.length : Infinity;
  };
  const means = new Map(codecs.map((c) => [c, mean(c)]));
  return codecs.sort((a, b) => (means.get(a) === means.get(b) ? a - b : means.get(a) - means.get(b)));
}

function drawLossless() {
  by("lossless").classList.toggle("empty", !DATA.lossless.length);
  const best = (d) => Math.min(...DATA.lossless.filter((one) => one[0] === d).map((one) => one[2]));
  const found = (d, c) => DATA.lossless.find((one) => one[0] === d && one[1] === c);
  const excess = (c) => {
    const all = DATA.lossless.filter((one) => one[1] === c).map((one) => one[2] / best(one[0]));
    return all.reduce((sum, value) => sum + value, 0) / all.length;
  };
  const codecs = shownCodecs().filter((c) => shownDatasets().some((d) => found(d, c))).sort((a, b) => excess(a) - excess(b));
  by("lossless-table").replaceChildren(grid(shownDatasets(), codecs, (d, c) => {
    const one = found(d, c);
    if (!one) return h("td", {}, "");
    const over = one[2] / best(d) - 1;
    return h("td", {}, over ? fixed(one[2], 3) : h("b", {}, fixed(one[2], 3)), h("small", {}, over ? `+${(over * 100).toFixed(1)} %` : "best"));
  }));
}

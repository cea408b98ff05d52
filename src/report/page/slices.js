// Original, decoded and their difference, volume by volume; and the runs' configurations.
const picked = new Map(); // data set -> volume

function drawSlices() {
  by("slices").classList.toggle("empty", !DATA.slices.length);
  const cards = shownDatasets().map((d) => {
    const all = DATA.slices.filter((one) => one.d === d && state.codecs.has(one.c)).sort((a, b) => a.c - b.c);
    const files = [...new Set(all.map((one) => one.file))];
    if (!files.length) return null;
    const file = files.includes(picked.get(d)) ? picked.get(d) : files[0];
    const choice = h("select", { "aria-label": `Volume of ${DATA.datasets[d].name}`, onchange: (event) => { picked.set(d, event.target.value); drawSlices(); } },
      files.map((name) => h("option", { value: name, selected: name === file ? "" : null }, name)));
    return h("article", { class: "card" }, h("div", { class: "head" }, h("h3", {}, DATA.datasets[d].name), choice),
      trios(all.filter((one) => one.file === file)));
  });
  by("slice-cards").replaceChildren(...cards.filter(Boolean));
}

// What lossless codecs give back is the original: they are named, and shown only where there is nothing else.
function trios(all) {
  const lossy = all.filter((one) => one.psnr !== null), shown = lossy.length ? lossy : all.slice(0, 1);
  const exact = all.filter((one) => one.psnr === null && !shown.includes(one)).map((one) => DATA.codecs[one.c].name);
  return [h("div", { class: "trios" }, shown.map(trio)), exact.length ? h("p", { class: "hint" }, `Equal to the original: ${exact.join(", ")}.`) : null];
}

function trio({ c, bpp, psnr, size, cropped, png }) {
  const titles = ["original", "decoded", "difference ×10"];
  const facts = `${short(bpp)} bit/voxel, ${psnr === null ? "lossless" : fixed(psnr, 2) + " dB"}${cropped ? `, middle ${size[0]} × ${size[1]} pixels` : ""}`;
  return h("figure", { class: "figures" },
    h("figcaption", {}, h("span", {}, swatch(c), " ", named(c)), h("small", {}, facts)),
    h("div", { class: "trio" }, png.map((data, k) => h("div", {},
      h("img", { src: `data:image/png;base64,${data}`, width: size[0], height: size[1], alt: `${titles[k]}, ${DATA.codecs[c].name}` }), titles[k]))));
}

function drawRuns() {
  by("runs").classList.toggle("empty", !DATA.runs.length);
  by("run-list").replaceChildren(...DATA.runs.map(({ name, folder, facts, config, responses }) => h("details", { class: "run" },
    h("summary", {}, name, " ", h("span", {}, folder)),
    h("dl", {}, facts.map(([fact, value]) => [h("dt", {}, fact), h("dd", {}, value)])),
    responses ? h("img", { src: `data:image/png;base64,${responses}`, loading: "lazy", alt: `Impulse responses of the bands of ${name}, learned and 9/7 (dotted)` }) : null,
    h("pre", { tabindex: 0 }, config))));
}

// Original, decoded and their difference, volume by volume; and the runs' configurations.
const picked = new Map(); // data set -> volume

function drawSlices() {
  by("slices").classList.toggle("empty", !DATA.slices.length);
  const cards = shownDatasets().map((d) => {
    const all = DATA.slices.filter((one) => one.d === d && state.codecs.has(one.c));
    const files = [...new Set(all.map((one) => one.file))];
    if (!files.length) return null;
    const file = files.includes(picked.get(d)) ? picked.get(d) : files[0];
    const choice = h("select", { "aria-label": `Volume of ${DATA.datasets[d].name}`, onchange: (event) => { picked.set(d, event.target.value); drawSlices(); } },
      files.map((name) => h("option", { value: name, selected: name === file ? "" : null }, name)));
    return h("article", { class: "card" }, h("div", { class: "head" }, h("h3", {}, DATA.datasets[d].name), choice),
      all.filter((one) => one.file === file).map(trio));
  });
  by("slice-cards").replaceChildren(...cards.filter(Boolean));
}

function trio({ c, bpp, psnr, size, cropped, png }) {
  const titles = ["original", "decoded", "difference ×10"];
  const facts = `${short(bpp)} bit/voxel, ${psnr === null ? "lossless" : fixed(psnr, 2) + " dB"}${cropped ? `, middle ${size[0]} × ${size[1]} pixels` : ""}`;
  return h("figure", { class: "figures" },
    h("figcaption", {}, h("span", {}, swatch(c), " ", DATA.codecs[c].name), h("small", {}, facts)),
    h("div", { class: "trio" }, png.map((data, k) => h("div", {},
      h("img", { src: `data:image/png;base64,${data}`, width: size[0], height: size[1], alt: `${titles[k]}, ${DATA.codecs[c].name}` }), titles[k]))));
}

function drawRuns() {
  by("runs").classList.toggle("empty", !DATA.runs.length);
  by("run-list").replaceChildren(...DATA.runs.map(({ name, folder, facts, config }) => h("details", { class: "run" },
    h("summary", {}, name, " ", h("span", {}, folder)),
    h("dl", {}, facts.map(([fact, value]) => [h("dt", {}, fact), h("dd", {}, value)])), h("pre", { tabindex: 0 }, config))));
}

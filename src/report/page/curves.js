// One panel per data set: mean curves, hover and arrow keys.
const HEIGHT = 300, ROOM = { left: 46, right: 14, top: 10, bottom: 40 };

function drawPanels() {
  const datasets = shownDatasets().filter((d) => DATA.curves.some((curve) => curve.d === d));
  by("panels").replaceChildren(...datasets.map(panel));
  for (const figure of by("panels").children) drawPanel(figure);
  by("curves").classList.toggle("empty", !DATA.curves.length);
  by("points").replaceChildren(pointTable());
}

function panel(d) {
  const { name, peak, volumes } = DATA.datasets[d];
  const about = [`${volumes} volume${volumes > 1 ? "s" : ""}`, peak && `peak ${peak}`].filter(Boolean).join(" · ");
  const figure = h("figure", { class: "panel", "data-dataset": name }, h("figcaption", {}, h("b", {}, name), h("span", {}, about)));
  figure.dataset.d = d;
  return figure;
}

function drawPanel(figure) {
  const d = Number(figure.dataset.d), width = Math.max(240, figure.clientWidth - 24);
  const height = Math.round(Math.min(460, Math.max(HEIGHT, width * .48)));
  const curves = DATA.curves.filter((curve) => curve.d === d && state.codecs.has(curve.c));
  const each = state.each ? DATA.volumes.filter((curve) => curve.d === d && state.codecs.has(curve.c)) : [];
  const spots = [...curves.flatMap((curve) => curve.points.map((p) => [p[1], p[2]])), ...each.flatMap((curve) => curve.points)];
  figure.querySelector("svg")?.remove();
  figure.querySelector(".tip")?.remove();
  if (!spots.length) { figure.append(s("svg", { height: 40 }, s("text", { x: 4, y: 20 }, "No curve of the codecs shown."))); return; }
  const axes = scales(spots, width, height);
  const groups = curves.map((curve) => curveGroup(curve, each.filter((other) => other.c === curve.c), axes));
  const svg = s("svg", {
    width, height, viewBox: `0 0 ${width} ${height}`, tabindex: 0, role: "group",
    "aria-label": `${DATA.datasets[d].name}: PSNR against rate. Left and right move along a curve, up and down change it.`,
  }, axisLines(axes, width, height), groups, s("path", { class: "ring", visibility: "hidden" }));
  const tip = h("div", { class: "tip", hidden: "" });
  figure.append(svg, tip);
  interact(figure, svg, tip, curves, axes, width);
}

function scales(spots, width, height) {
  const xs = spots.map((spot) => spot[0]), ys = spots.map((spot) => spot[1]);
  const logarithmic = state.scale === "log", f = logarithmic ? Math.log : (v) => v;
  const margin = logarithmic ? 1.08 : 1;
  let [x0, x1] = [logarithmic ? Math.min(...xs) / margin : 0, Math.max(...xs) * (logarithmic ? margin : 1.04)];
  let [y0, y1] = [Math.min(...ys), Math.max(...ys)];
  const room = (y1 - y0) * .05 || 1;
  [y0, y1] = [y0 - room, y1 + room];
  const x = (v) => ROOM.left + (f(v) - f(x0)) / (f(x1) - f(x0)) * (width - ROOM.left - ROOM.right);
  const y = (v) => height - ROOM.bottom - (v - y0) / (y1 - y0) * (height - ROOM.top - ROOM.bottom);
  return { x, y, xTicks: ticks(x0, x1, 6, logarithmic), yTicks: ticks(y0, y1, 6, false) };
}

function axisLines({ x, y, xTicks, yTicks }, width, height) {
  const floor = height - ROOM.bottom;
  return [
    yTicks.map((tick) => [s("line", { class: "grid", x1: ROOM.left, x2: width - ROOM.right, y1: y(tick), y2: y(tick) }),
      s("text", { x: ROOM.left - 8, y: y(tick) + 4, "text-anchor": "end" }, short(tick))]),
    xTicks.map((tick) => [s("line", { class: "grid", x1: x(tick), x2: x(tick), y1: ROOM.top, y2: floor }),
      s("text", { x: x(tick), y: floor + 17, "text-anchor": "middle" }, short(tick))]),
    s("line", { class: "axis", x1: ROOM.left, x2: width - ROOM.right, y1: floor, y2: floor }),
    s("text", { x: width - ROOM.right, y: height - 5, "text-anchor": "end" }, "bits per voxel"),
    s("text", { x: ROOM.left + 6, y: ROOM.top + 10 }, "PSNR, dB"),
  ];
}

function curveGroup(curve, each, { x, y }) {
  const most = Math.max(...curve.points.map((p) => p[5]));
  const line = (points) => points.map((p, k) => `${k ? "L" : "M"}${x(p[0]).toFixed(1)} ${y(p[1]).toFixed(1)}`).join("");
  const stroke = `stroke:${colour(curve.c)}`, learned = DATA.codecs[curve.c].learned;
  return s("g", { class: `curve${learned ? " learned" : ""}`, "data-codec": DATA.codecs[curve.c].name, "data-c": curve.c },
    each.map((one) => s("path", { class: "each", d: line(one.points), style: stroke })),
    s("path", { d: line(curve.points.filter((p) => p[5] === most).map((p) => [p[1], p[2]])), style: stroke, "stroke-dasharray": dash(curve.c) || null }),
    curve.points.map((p) => s("path", { class: "mark", d: shape(curve.c, learned ? 4.8 : 4.2), style: `fill:${colour(curve.c)}`,
      transform: `translate(${x(p[1]).toFixed(1)} ${y(p[2]).toFixed(1)})` })));
}

function interact(figure, svg, tip, curves, { x, y }, width) {
  let at = null; // [curve, point]
  const show = (curve, point) => {
    at = [curve, point];
    const p = curves[curve].points[point], codec = curves[curve].c, [px, py] = [x(p[1]), y(p[2])];
    highlight(codec);
    const ring = svg.querySelector(".ring");
    ring.setAttribute("d", SHAPES[0](8));
    ring.setAttribute("transform", `translate(${px} ${py})`);
    ring.setAttribute("visibility", "visible");
    const facts = [["rate", `${short(p[1])} bit/voxel`], ["PSNR", `${fixed(p[2], 2)} dB`], ["quality", short(p[0])], ["volumes", p[5]],
      ["largest error", p[6] === null ? null : short(p[6])], ["encode", `${short(p[3])} s`], ["decode", `${short(p[4])} s`]].filter((fact) => fact[1] !== null);
    tip.replaceChildren(h("b", {}, DATA.codecs[codec].name), h("dl", {}, facts.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])));
    tip.hidden = false;
    const top = figure.querySelector("figcaption").offsetHeight + 12;
    tip.style.left = `${Math.max(0, px > width / 2 ? px - tip.offsetWidth - 6 : Math.min(px + 26, figure.clientWidth - tip.offsetWidth))}px`;
    tip.style.top = `${Math.max(0, top + py - (py > 150 ? tip.offsetHeight + 12 : -14))}px`;
  };
  const hide = () => { at = null; tip.hidden = true; svg.querySelector(".ring").setAttribute("visibility", "hidden"); highlight(null); };
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect(), [mx, my] = [event.clientX - box.left, event.clientY - box.top];
    let best = [42, null];
    curves.forEach((curve, k) => curve.points.forEach((p, j) => {
      const distance = Math.hypot(x(p[1]) - mx, y(p[2]) - my);
      if (distance < best[0]) best = [distance, [k, j]];
    }));
    best[1] ? show(...best[1]) : hide();
  });
  svg.addEventListener("pointerleave", hide);
  svg.addEventListener("blur", hide);
  svg.addEventListener("keydown", (event) => {
    const move = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowUp: [1, 0], ArrowDown: [-1, 0] }[event.key];
    if (event.key === "Escape") hide();
    if (!move) return;
    event.preventDefault();
    const curve = at ? (at[0] + move[0] + curves.length) % curves.length : 0, last = curves[curve].points.length - 1;
    show(curve, at ? Math.min(last, Math.max(0, at[1] + move[1])) : 0);
    by("spoken").textContent = tip.innerText;
  });
}

function highlight(codec) {
  for (const svg of document.querySelectorAll(".panel svg")) {
    svg.classList.toggle("faded", codec !== null);
    for (const group of svg.querySelectorAll(".curve")) group.classList.toggle("chosen", Number(group.dataset.c) === codec);
  }
}

function pointTable() {
  const rows = DATA.curves.filter((curve) => state.datasets.has(curve.d) && state.codecs.has(curve.c)).flatMap((curve) =>
    curve.points.map((p) => h("tr", {}, h("th", { scope: "row" }, swatch(curve.c), named(curve.c)), h("td", {}, DATA.datasets[curve.d].name),
      [short(p[0]), p[1].toFixed(4), p[2].toFixed(2), short(p[6]), short(p[3]), short(p[4]), p[5]].map((value) => h("td", {}, String(value))))));
  const names = ["codec", "data set", "quality", "bit/voxel", "PSNR dB", "largest error", "encode s", "decode s", "volumes"];
  return h("table", {}, h("thead", {}, h("tr", {}, names.map((name) => h("th", { scope: "col" }, name)))), h("tbody", {}, rows));
}

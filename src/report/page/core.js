"use strict";
// Data, elements and numbers: what every part of the page needs.
const DATA = JSON.parse(document.getElementById("data").textContent);
const COLOURS = 7;
const DASHES = ["", "7 4", "2 3"];
const by = (id) => document.getElementById(id);
const colour = (codec) => `var(--c${codec % COLOURS})`;
const dash = (codec) => DASHES[Math.floor(codec / COLOURS) % DASHES.length];

// An element: attributes, listeners (on...), children as nodes or text.
function make(space, tag, attributes, children) {
  const element = space ? document.createElementNS(space, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== null && value !== false) element.setAttribute(name, value);
  }
  element.append(...children.flat(9).filter((child) => child !== null && child !== undefined));
  return element;
}
const h = (tag, attributes, ...children) => make(null, tag, attributes, children);
const s = (tag, attributes, ...children) => make("http://www.w3.org/2000/svg", tag, attributes, children);

const minus = (text) => text.replace("-", "−");
const fixed = (value, digits) => minus(value.toFixed(digits));
const signed = (value, digits) => (value > 0 ? "+" : "") + fixed(value, digits);
function short(value) {
  if (value === null || value === undefined) return "–";
  return minus(Math.abs(value) >= 1000 ? value.toFixed(0) : String(Number(value.toPrecision(3))));
}

const SHAPES = [
  (r) => `M${-r} 0a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0`,
  (r) => `M${-r * .9} ${-r * .9}h${r * 1.8}v${r * 1.8}h${-r * 1.8}z`,
  (r) => `M0 ${-r * 1.15}L${r * 1.1} ${r * .85}H${-r * 1.1}z`,
  (r) => `M0 ${-r * 1.25}L${r * 1.25} 0L0 ${r * 1.25}L${-r * 1.25} 0z`,
  (r) => `M0 ${r * 1.15}L${r * 1.1} ${-r * .85}H${-r * 1.1}z`,
  (r) => `M${-r * .4} ${-r * 1.2}h${r * .8}v${r * .8}h${r * .8}v${r * .8}h${-r * .8}v${r * .8}h${-r * .8}v${-r * .8}h${-r * .8}v${-r * .8}h${r * .8}z`,
  (r) => `M${-r * 1.2} ${-r * .6}L${-r * .6} ${-r * 1.2}L0 ${-r * .6}L${r * .6} ${-r * 1.2}L${r * 1.2} ${-r * .6}L${r * .6} 0L${r * 1.2} ${r * .6}L${r * .6} ${r * 1.2}L0 ${r * .6}L${-r * .6} ${r * 1.2}L${-r * 1.2} ${r * .6}L${-r * .6} 0z`,
  (r) => `M0 ${-r * 1.4}L${r * .4} ${-r * .45}L${r * 1.35} ${-r * .45}L${r * .6} ${r * .2}L${r * .85} ${r * 1.2}L0 ${r * .6}L${-r * .85} ${r * 1.2}L${-r * .6} ${r * .2}L${-r * 1.35} ${-r * .45}L${-r * .4} ${-r * .45}z`,
];
const shape = (codec, radius) => SHAPES[codec % SHAPES.length](radius);
const swatch = (codec) => s("svg", { width: 13, height: 13, viewBox: "-6.5 -6.5 13 13", "aria-hidden": "true" },
  s("path", { d: shape(codec, 4.4), style: `fill:${colour(codec)}` }));

// A codec's name as nodes that may break after an underscore.
const named = (codec) => DATA.codecs[codec].name.split(/(?<=_)/).flatMap((part, k) => (k ? [h("wbr"), part] : [part]));

// Round ticks between two numbers; on a logarithmic axis 1, 2 and 5 times powers of ten.
function ticks(low, high, wanted, logarithmic) {
  const found = [];
  if (logarithmic) {
    for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++)
      for (const digit of high / low > 60 ? [1, 3] : [1, 2, 5]) found.push(Number((digit * 10 ** power).toPrecision(6)));
  } else {
    const rough = (high - low) / wanted || 1, power = 10 ** Math.floor(Math.log10(rough));
    const step = power * [1, 2, 5, 10].find((digit) => digit * power >= rough * .999);
    for (let k = Math.ceil(low / step); k * step <= high * 1.000001; k++) found.push(Number((k * step).toPrecision(12)));
  }
  return found.filter((tick) => tick >= low * .999 && tick <= high * 1.001);
}

"use strict";
// Texts of the log enter the page as text nodes alone: nothing here sets HTML.

const data = JSON.parse(document.getElementById("data").textContent);

/** An element with attributes; children are elements, texts, or lists of them, and null is nothing. */
function el(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value);
  }
  made.append(...children.flat(2).filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

const number = (value) => value.toLocaleString("en-US");
const share = (value) => `${(100 * value).toFixed(1)}%`;
const from = (value) => String(Math.ceil(1e6 * value) / 1e6).replace(/^0/, "");  // upwards: a lower one may be rejected
const three = (value) => value.toFixed(3).replace(/^0/, "");
// where a line may end: after / and _, not inside a word
const breakable = (name) => name.split(/(?<=[/_])/).flatMap((part) => [part, el("wbr")]).slice(0, -1);
const hidden = (text) => el("span", { class: "hidden" }, text);

function table(caption, head, rows, attributes) {
  // the frame scrolls sideways, so it must be reachable by keyboard
  return el("div", { class: "frame", tabindex: 0, role: "region", "aria-label": caption },
    el("table", attributes || {},
      el("caption", { class: "hidden" }, caption),
      el("thead", {}, el("tr", {}, head.map((name) => el("th", { scope: "col" }, name)))),
      el("tbody", {}, rows)));
}

function section(id, title, ...children) {
  document.getElementById("contents").append(el("a", { href: `#${id}` }, title));
  const made = el("section", { id, "aria-labelledby": `${id}-title` }, el("h2", { id: `${id}-title` }, title), children);
  document.getElementById("main").append(made);
  return made;
}

function headlineSection(found) {
  const verdicts = { 1: ["▲", "better", "the model is better"], 0: ["", "", ""], "-1": ["▼", "worse", "the model is worse"] };
  const cell = ([value, difference, verdict]) => {
    const [sign, kind, words] = verdicts[verdict];
    return el("td", {}, value,
      difference && el("div", { class: `difference ${kind}` }, difference, sign && ` ${sign}`, words && hidden(`, ${words}`)));
  };
  const row = ([name, count, , cells]) => el("tr", {}, el("th", { scope: "row" }, breakable(name)), el("td", {}, count), cells.map(cell));
  const head = ["metric", "n", ...found.systems];
  const whole = found.rows.filter((line) => !line[2]), slices = found.rows.filter((line) => line[2]);
  const more = slices.length === 0 ? null
    : el("details", {}, el("summary", {}, `Slices (${slices.length} more metrics)`), table("Slices", head, slices.map(row), { class: "figures" }));
  section("results", "Results", table("Results", head, whole.map(row), { class: "figures" }), more,
    el("p", { class: "quiet" }, found.notes.join(" ")));
}

function countsSection(counts, pace) {
  const rows = counts.map(([what, value]) => el("tr", {}, el("th", { scope: "row" }, what), el("td", {}, number(value))));
  const times = pace.map(([what, value]) => el("tr", {}, el("th", { scope: "row" }, what), el("td", {}, value)));
  section("counts", "Counts", table("What was read and labelled", ["what", "number"], rows, { class: "figures narrow" }),
    pace.length > 0 && el("details", {}, el("summary", {}, "How long it took"),
      table("How long it took", ["what", "value"], times, { class: "figures narrow" })));
}

function promisesSection(promises, some) {
  const none = el("p", { class: "notice" }, "Nothing is promised of these labels: none is accepted or rejected. "
    + "Certify the model on dialogues that people have labelled (", el("code", {}, "python -m experiments.certify"), "), and label again.");
  const rows = promises.map(([task, threshold, words]) => el("tr", {},
    el("th", { scope: "row" }, task),
    el("td", {}, threshold === null ? "none is accepted" : `${from(threshold)} or more`), el("td", { class: "words" }, words || "")));
  if (some || promises.length) {
    section("promises", "Promises", promises.length === 0 ? none
      : table("What is promised of accepted labels", ["task", "accepted with a score of", "promise"], rows, { class: "figures sentences" }));
  }
}

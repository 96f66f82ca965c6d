const SVG = "http://www.w3.org/2000/svg";

function svg(tag, attributes, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes || {})) made.setAttribute(name, value);
  made.append(...children.flat());
  return made;
}

/** A square chart of [0, 1] by [low, 1] with grid and names of the axes; `draw` is given the two scales. */
function chart(label, xName, yName, low, draw) {
  const width = 260, height = 190, left = 42, top = 10;
  const x = (value) => left + width * value;
  const y = (value) => top + height * (1 - (Math.max(value, low) - low) / (1 - low));
  const ticks = [0, 0.25, 0.5, 0.75, 1];
  const parts = ticks.map((tick) => {
    const level = low + (1 - low) * tick;
    return [
      svg("line", { x1: x(0), x2: x(1), y1: y(level), y2: y(level), class: "grid" }),
      svg("text", { x: left - 6, y: y(level) + 4, "text-anchor": "end" }, share(level).replace(".0", "")),
      svg("line", { x1: x(tick), x2: x(tick), y1: y(low), y2: y(1), class: "grid" }),
      svg("text", { x: x(tick), y: top + height + 16, "text-anchor": "middle" }, `${100 * tick}%`),
    ];
  });
  const names = [
    svg("text", { x: left + width / 2, y: top + height + 33, "text-anchor": "middle", class: "axis" }, xName),
    svg("text", { x: -(top + height / 2), y: 9, transform: "rotate(-90)", "text-anchor": "middle", class: "axis" }, yName),
  ];
  return svg("svg", { viewBox: `-4 0 ${left + width + 22} ${top + height + 40}`, role: "img", "aria-label": label, class: "chart" },
    parts.flat(), names, draw(x, y));
}

function curveChart(one) {
  const lowest = Math.min(...one.curve.map((point) => point[1]), one.certified ? one.certified[1] : 1);
  const low = Math.min(Math.floor(lowest * 5) / 5, 0.8); // five lines at round shares
  const certified = one.certified ? `; accepted: ${share(one.certified[0])} of the labels, ${share(one.certified[1])} of them right` : "";
  const label = `${one.task}: of all labels ${share(one.precision)} are right${certified}`;
  return chart(label, "coverage", "precision", low, (x, y) => {
    const points = one.curve.map(([at, value]) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`);
    const parts = [svg("polyline", { points: points.join(" "), class: "line" })];
    if (one.certified) {
      const [at, value] = one.certified;
      parts.push(svg("line", { x1: x(at), x2: x(at), y1: y(low), y2: y(value), class: "certified" }));
      parts.push(svg("circle", { cx: x(at), cy: y(value), r: 5, class: "certified" }));
      const left = at > 0.5;
      parts.push(svg("text", { x: x(at) + (left ? -9 : 9), y: y(low) - 8, "text-anchor": left ? "end" : "start", class: "strong" },
        one.threshold === null ? "accepted, by several thresholds" : `accepted from ${from(one.threshold)}`));
    }
    return parts;
  });
}

function reliabilityChart(one) {
  const label = `${one.task}: expected calibration error ${three(one.error)}`;
  return chart(label, "mean score", "share right", 0, (x, y) => [
    svg("line", { x1: x(0), y1: y(0), x2: x(1), y2: y(1), class: "ideal" }),
    svg("polyline", { points: one.bins.map(([at, value]) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`).join(" "), class: "line" }),
    ...one.bins.map(([at, value, count]) => svg("circle", { cx: x(at), cy: y(value), r: 3.5, class: "point" },
      svg("title", {}, `${number(count)} labels: mean score ${three(at)}, ${share(value)} right`))),
  ]);
}

function calibrationChart(task, found) {
  const [before, after] = found.errors.map(three);
  const label = `${task}: expected calibration error ${before} before calibration, ${after} after`;
  return chart(label, "mean score", "share right", 0, (x, y) => [
    svg("line", { x1: x(0), y1: y(0), x2: x(1), y2: y(1), class: "ideal" }),
    ...found.bins.flatMap((bins, i) => [
      svg("polyline", { points: bins.map(([at, value]) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`).join(" "), class: i ? "line" : "line before" }),
      ...bins.map(([at, value, count]) => svg("circle", { cx: x(at), cy: y(value), r: 3.5, class: i ? "point" : "point before" },
        svg("title", {}, `${i ? "after" : "before"}: ${number(count)} labels, mean score ${three(at)}, ${share(value)} right`))),
    ]),
  ]);
}

function calibrationFigure(one) {
  const found = one.calibration;
  const [before, after] = found.errors.map(three);
  return el("figure", {}, calibrationChart(one.task, found), el("figcaption", {}, `Before calibration (grey, error ${before}) and after (error ${after}), `
    + `on ${number(found.labels)} labels held out for it, each part calibrated by the others`));
}

function pointsTable(one) {
  const step = Math.max(Math.floor(one.curve.length / 10), 1);
  const curve = one.curve.filter((_, i) => i % step === 0 || i === one.curve.length - 1);
  const cells = (values) => el("tr", {}, values.map((value) => el("td", {}, value)));
  return el("details", {}, el("summary", {}, "The same as numbers"), el("div", { class: "charts" },
    table(`${one.task}: precision and coverage`, ["coverage", "precision"], curve.map((point) => cells(point.map(share))), { class: "figures narrow" }),
    table(`${one.task}: reliability`, ["mean score", "share right", "labels"],
      one.bins.map(([at, value, count]) => cells([three(at), share(value), number(count)])), { class: "figures narrow" }),
    one.calibration && table(`${one.task}: calibration`, ["", "mean score", "share right", "labels"],
      one.calibration.bins.flatMap((bins, i) => bins.map(([at, value, count]) => cells([i ? "after" : "before", three(at), share(value), number(count)]))), { class: "figures narrow" })));
}

function namesTable(one) {
  const ratio = (part, whole) => (whole === 0 ? "-" : three(part / whole));
  const rows = one.names.rows.map(([name, gold, said, both]) => el("tr", {}, el("th", { scope: "row" }, name),
    [number(gold), number(said), ratio(both, said), ratio(both, gold), ratio(2 * both, gold + said)].map((value) => el("td", {}, value))));
  const more = one.names.more ? el("p", { class: "quiet" }, `${number(one.names.more)} rarer names are left out.`) : null;
  return el("details", {}, el("summary", {}, `Each name (${number(one.names.rows.length)})`),
    table(`${one.task}: each name`, ["name", "gold", "given", "precision", "recall", "F1"], rows, { class: "figures narrow" }), more);
}

function confusionTable(one) {
  const { names, counts, others } = one.confusions; // of other names, hits and misses stand in one cell
  const rows = counts.map((row, i) => {
    const sum = row.reduce((a, b) => a + b, 0) || 1;
    const cells = row.map((count, j) => {
      const shade = count === 0 ? 0 : Math.max(Math.ceil((count / sum) * 5), 1);
      const kind = i !== j ? "miss" : i === others ? "mixed" : "hit";
      return el("td", { class: `${kind} shade-${shade}` }, count === 0 ? "·" : number(count));
    });
    return el("tr", {}, el("th", { scope: "row" }, names[i]), cells);
  });
  const head = ["gold, and given:", ...names.map((name) => el("span", { class: "turned" }, name))];
  return el("details", {}, el("summary", {}, "Which names are taken for which"),
    table(`${one.task}: gold names in rows, given ones in columns`, head, rows, { class: "figures matrix" }));
}

function qualitySection(quality) {
  const parts = quality.map((one) => el("article", { class: "task", "aria-label": one.task },
    el("h3", {}, one.task),
    el("p", { class: "quiet" }, one.items === 0 ? `No scored labels in ${one.source}.`
      : `${number(one.items)} ${one.unit} in ${one.source}, ${share(one.precision)} right; expected calibration error ${three(one.error)}.`),
    one.promise && el("p", {}, el("strong", {}, "Promise: "), one.promise),
    one.certified && el("p", { class: "quiet" }, `Of these labels ${share(one.certified[0])} are accepted, and ${share(one.certified[1])} of those are right. `
      + "The promise itself was made from the audit, not from this figure."),
    one.items > 0 && el("div", { class: "charts" },
      el("figure", {}, curveChart(one), el("figcaption", {}, "What is right among the best scored labels")),
      el("figure", {}, reliabilityChart(one), el("figcaption", {}, "How often a score is right; dashed: as often as it says")),
      one.calibration && calibrationFigure(one)),
    one.items > 0 && pointsTable(one), one.names && namesTable(one), one.confusions && confusionTable(one)));
  section("quality", "Quality", parts);
}

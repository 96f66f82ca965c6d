const PAGE = 20; // dialogues drawn at a time
const TURN_FIELDS = 3, ROW_FIELDS = 12; // as packed by selflearn/reports/dialogues.py
const GOAL_TASKS = ["success", "domain"]; // shown at the head of their goal
const NO = -1;

class Browser {
  constructor(found) {
    this.found = found;
    this.matches = []; // indices of items, in the order that is shown
    this.page = 0;
    this.status = el("p", { class: "status", role: "status", "aria-live": "polite" });
    this.list = el("div", { class: "list" });
    this.pagers = [this.pager(), this.pager()];
    this.note = new Map(this.controls());
    this.withGold = this.anyRow((row) => row[9] !== NO);
    this.withPromise = this.anyRow((row) => row[8] !== NO);
  }

  text(index) { return index === NO ? null : this.found.strings[index]; }

  *rows(item) {
    const flat = item[3];
    for (let i = 0; i < flat.length; i += ROW_FIELDS) yield flat.slice(i, i + ROW_FIELDS);
  }

  anyRow(test) {
    for (const item of this.found.items) for (const row of this.rows(item)) if (test(row)) return true;
    return false;
  }

  controls() {
    const changed = () => this.update();
    const select = (options) => el("select", { onchange: changed }, options.map(([value, name]) => el("option", { value }, name)));
    const search = el("input", { type: "search", placeholder: "words, or an id", autocomplete: "off" });
    let waiting = 0;
    search.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(changed, 150); });
    const task = select([["", "any"], ...this.found.tasks.map((name, i) => [i, name.replace("_", " ")])]);
    task.addEventListener("change", () => this.fillLabels());
    return [["search", search], ["task", task], ["label", select([["", "any"]])],
      ["accepted", select([["", "all"], ["1", "accepted"], ["0", "rejected"]])],
      ["right", select([["", "all"], ["0", "wrong"], ["1", "right"]])],
      ["order", select([["uncertain", "most uncertain first"], ["log", "as in the log"], ["long", "longest first"]])]];
  }

  fillLabels() {
    const task = this.value("task"), counts = new Map();
    if (task !== "") {
      for (const item of this.found.items) {
        for (const row of this.rows(item)) {
          if (row[0] === Number(task) && row[3] !== NO) counts.set(row[3], (counts.get(row[3]) || 0) + 1);
        }
      }
    }
    const names = [...counts].sort((a, b) => b[1] - a[1]).slice(0, 500);
    const label = this.note.get("label");
    label.replaceChildren(el("option", { value: "" }, "any"),
      ...names.map(([index, count]) => el("option", { value: index }, `${this.text(index)} (${number(count)})`)));
    label.disabled = names.length === 0;
    this.update();
  }

  value(name) { return this.note.get(name).value; }

  pager() {
    const button = (name, key, step) => el("button", { type: "button", onclick: () => this.turnTo(step(this.page), true) }, name);
    const first = button("First", "", () => 0), back = button("Previous", "p", (page) => page - 1);
    const next = button("Next", "n", (page) => page + 1), where = el("span", {});
    return { first, back, next, where, nav: el("nav", { class: "pager", "aria-label": "Pages of dialogues" }, first, back, where, next) };
  }

  get pages() { return Math.max(Math.ceil(this.matches.length / PAGE), 1); }

  /** The tests that a label must pass, from the controls; empty where any label will do. */
  tests() {
    const wanted = [[0, "task"], [3, "label"], [8, "accepted"], [9, "right"]];
    return wanted.filter(([, name]) => this.value(name) !== "").map(([field, name]) => [field, Number(this.value(name))]);
  }

  update() {
    const tests = this.tests(), order = this.value("order"), words = this.value("search").trim().toLowerCase();
    const hit = words === "" ? null : this.found.strings.map((text) => text.toLowerCase().includes(words));
    const chosen = [];
    this.found.items.forEach((item, index) => {
      const [, id, turns, flat] = item;
      let passes = tests.length === 0, lowest = 10001, rejected = false;
      for (let i = 0; i < flat.length; i += ROW_FIELDS) {
        if (!tests.every(([field, value]) => flat[i + field] === value)) continue;
        passes = true;
        if (flat[i + 7] !== NO && flat[i + 7] < lowest) lowest = flat[i + 7];
        rejected = rejected || flat[i + 8] === 0;
      }
      if (passes && hit !== null && !(id !== NO && hit[id])) {
        passes = turns.some((text, i) => i % TURN_FIELDS < 2 && text !== NO && hit[text]);
      }
      if (passes) chosen.push([order === "long" ? -turns.length : order === "log" ? 0 : lowest + (rejected ? 0 : 20000), index]);
    });
    this.matches = chosen.sort((a, b) => a[0] - b[0] || a[1] - b[1]).map((pair) => pair[1]);
    this.status.textContent = `${number(this.matches.length)} of ${number(this.found.items.length)} dialogues`;
    this.turnTo(0, false);
  }

  turnTo(page, scroll) {
    this.page = Math.min(Math.max(page, 0), this.pages - 1);
    const start = this.page * PAGE, tests = this.tests();
    const shown = this.matches.slice(start, start + PAGE);
    this.list.replaceChildren(...shown.map((index) => this.article(this.found.items[index], tests)));
    if (shown.length === 0) this.list.append(el("p", { class: "notice" }, "No dialogue has all that was asked for; take a filter away."));
    for (const { first, back, next, where } of this.pagers) {
      first.disabled = back.disabled = this.page === 0;
      next.disabled = this.page === this.pages - 1;
      where.textContent = `Page ${number(this.page + 1)} of ${number(this.pages)}`;
    }
    if (scroll) this.list.parentElement.scrollIntoView();
  }

  /** Focus the next (1) or previous (-1) dialogue, over the ends of pages. */
  move(step) {
    const articles = [...this.list.querySelectorAll("article")];
    let at = articles.indexOf(document.activeElement.closest("article"));
    at = at === -1 && step === -1 ? 0 : at + step;
    if (at >= articles.length && this.page < this.pages - 1) { this.turnTo(this.page + 1); at = 0; }
    if (at < 0 && this.page > 0) { this.turnTo(this.page - 1); at = PAGE - 1; }
    const target = this.list.querySelectorAll("article")[Math.max(at, 0)];
    if (target) { target.focus({ preventScroll: true }); target.scrollIntoView({ block: "start" }); }
  }

  article(item, tests) {
    const [place, id, turns] = item, rows = [...this.rows(item)];
    const matching = (row) => tests.length > 0 && tests.every(([field, value]) => row[field] === value);
    const count = turns.length / TURN_FIELDS, name = this.text(id);
    const scores = rows.map((row) => row[7]).filter((score) => score !== NO);
    const goals = this.tasked(rows, "segmentation");
    const rejected = rows.filter((row) => row[8] === 0).length, wrong = rows.filter((row) => row[9] === 0).length;
    const facts = [`${count} turn${count === 1 ? "" : "s"}`, scores.length ? `least certain ${three(Math.min(...scores) / 10000)}` : null,
      rejected ? `${rejected} rejected` : null, wrong ? `${wrong} wrong` : null].filter(Boolean);
    const head = el("header", {}, el("h3", {}, name), el("p", { class: "quiet" }, facts.join(" · ")));
    const parts = goals.length ? goals.map((goal, i) => this.goal(goal, i, item, rows, matching))
      : [this.turns(0, count, item, rows, matching)];
    return el("article", { class: "dialogue", tabindex: -1, "aria-label": `Dialogue ${name}`, "data-place": place }, head, parts);
  }

  tasked(rows, task) { return rows.filter((row) => this.found.tasks[row[0]] === task); }

  goal(goal, index, item, rows, matching) {
    const [, first, last] = goal;
    const own = rows.filter((row) => GOAL_TASKS.includes(this.found.tasks[row[0]]) && row[1] === first);
    const name = this.text(goal[3]) || "no name";
    return el("section", { class: `goal band-${index % 6}`, "aria-label": `Goal ${index + 1}: ${name}` },
      el("div", { class: "goal-head" }, el("strong", {}, `Goal ${index + 1}`), " ",
        this.badge(goal, matching(goal), name), own.map((row) => this.badge(row, matching(row)))),
      this.turns(first, last + 1, item, rows, matching));
  }

  turns(first, end, item, rows, matching) {
    const ofTurn = rows.filter((row) => !["segmentation", ...GOAL_TASKS].includes(this.found.tasks[row[0]]));
    const made = [];
    for (let i = first; i < end; i += 1) {
      const [request, response, seconds] = item[2].slice(i * TURN_FIELDS, (i + 1) * TURN_FIELDS);
      const own = ofTurn.filter((row) => row[1] === i);
      // a transcript that says what was recognised is nothing to read
      const shown = own.filter((row) => this.found.tasks[row[0]] !== "transcript" || row[4] !== request || row[8] === 0 || matching(row));
      made.push(el("li", {},
        request === NO ? null : el("p", { class: "request" }, el("span", { class: "who" }, "Person"), " ",
          this.marked(this.text(request), this.tasked(own, "slots"))),
        response === NO ? null : el("p", { class: "response" }, el("span", { class: "who" }, "Assistant"), " ", this.text(response)),
        el("p", { class: "badges" }, seconds === NO || i === 0 ? null : el("span", { class: "time" }, `${(seconds / 10).toFixed(0)} s`),
          shown.map((row) => this.badge(row, matching(row), this.slotWords(row, request))))));
    }
    return el("ol", { class: "turns", start: first + 1 }, made);
  }

  /** The request with its slots marked. Offsets count characters; a string of this language counts halves of some. */
  marked(text, slots) {
    const characters = Array.from(text), parts = [];
    let at = 0;
    for (const row of [...slots].sort((a, b) => a[5] - b[5])) {
      const [start, end] = [row[5], row[6]];
      if (start < at || end > characters.length) continue; // overlapping: it is among the labels below
      parts.push(characters.slice(at, start).join(""), el("mark", { title: this.explanation(row) },
        characters.slice(start, end).join(""), el("span", { class: "slot" }, ` ${this.text(row[3])}`)));
      at = end;
    }
    return [...parts, characters.slice(at).join("")];
  }

  /** What is said of a slot without a value: its own characters. */
  slotWords(row, request) {
    if (row[5] === NO || row[4] !== NO || request === NO) return null;
    return `${this.text(row[3])} = ${Array.from(this.text(request)).slice(row[5], row[6]).join("")}`;
  }

  explanation(row) {
    const said = { 1: "Accepted", 0: "Rejected: a person should look at it" }[row[8]];
    return [said || "Nothing is promised", row[8] === NO ? null : this.found.promises[row[11]]].filter(Boolean).join(". ");
  }

  badge(row, matches, name) {
    const [task, , , label, value, , , score, accepted, right, gold] = row;
    const kind = this.found.tasks[task];
    const said = { success: { yes: "reached", no: "not reached" } }[kind];
    const words = name || (said && said[this.text(label)]) || [this.text(label), this.text(value)].filter(Boolean).join(" = ");
    const state = { 1: ["accepted", "✓"], 0: ["rejected", "✗"] }[accepted] || ["", ""];
    const quiet = kind === "defect" && this.text(label) === "no" && accepted !== 0 && right !== 0;
    const classes = ["badge", state[0], right === 0 ? "wrong" : "", matches ? "match" : "", quiet ? "muted" : "", `is-${kind}-${label === NO ? "" : this.text(label) === "no" ? "no" : "yes"}`];
    return el("span", { class: classes.filter(Boolean).join(" "), title: this.explanation(row) },
      kind === "segmentation" ? null : [el("span", { class: "kind" }, kind === "slots" ? "slot" : kind.replace("_", " ")), " "], words,
      score === NO ? null : el("span", { class: "score" }, ` ${three(score / 10000)}`),
      state[1] && [` ${state[1]}`, hidden(` ${state[0]}`)],
      right === 0 && el("span", { class: "gold" }, gold === NO ? " wrong" : ` gold: ${(said && said[this.text(gold)]) || this.text(gold)}`));
  }
}

function dialoguesSection(found) {
  const browser = new Browser(found);
  const shown = { accepted: browser.withPromise, right: browser.withGold };
  const names = { search: "Search", task: "Task", label: "Label", accepted: "Accepted", right: "Beside gold", order: "Order" };
  const fields = [...browser.note].filter(([name]) => shown[name] !== false)
    .map(([name, control]) => el("label", { class: `field field-${name}` }, el("span", {}, names[name]), control));
  const left = found.total - found.items.length;
  const notice = left > 0 ? el("p", { class: "notice" }, `Shown are the ${number(found.items.length)} most uncertain of ${number(found.total)} dialogues; `
    + `${number(left)} more certain ones are not on this page. All of them are in the folder dialogues/.`) : null;
  const legend = el("p", { class: "quiet" }, "Numbers are the probability that a label is right. ",
    browser.withPromise && "✓ accepted, as promised above; ✗ rejected, for a person to look at. ",
    browser.withGold && "A label that disagrees with the gold one has a thick edge and says what would be right.");
  const keys = el("p", { class: "keys quiet" }, el("kbd", {}, "j"), " ", el("kbd", {}, "k"), " next, previous dialogue · ", el("kbd", {}, "/"),
    " search · ", el("kbd", {}, "n"), " ", el("kbd", {}, "p"), " next, previous page");
  section("dialogues", "Dialogues", notice, el("form", { class: "filters", role: "search", "aria-label": "Filter dialogues", onsubmit: (event) => event.preventDefault() }, fields),
    el("div", { class: "bar" }, browser.status, browser.pagers[0].nav), legend, keys, browser.list, browser.pagers[1].nav);
  browser.fillLabels();
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches("input, select, textarea")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    const actions = { j: () => browser.move(1), k: () => browser.move(-1), n: () => browser.turnTo(browser.page + 1, true),
      p: () => browser.turnTo(browser.page - 1, true), "/": () => browser.note.get("search").focus() };
    const inside = event.target.closest("article.dialogue"); // elsewhere the arrows scroll
    if (inside) Object.assign(actions, { ArrowDown: actions.j, ArrowUp: actions.k });
    if (actions[event.key]) { event.preventDefault(); actions[event.key](); }
  });
}

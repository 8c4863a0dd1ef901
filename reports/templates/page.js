"use strict";
// Draws the clauses, their filters and what stands behind a cell. Text from records only ever becomes text nodes.
(() => {
  const ROWS = 250;
  const byId = (id) => document.getElementById(id);
  const read = (id) => JSON.parse(byId(id)?.textContent || "null");

  /** Return an element; strings among the children become text, properties that are absent are left out. */
  function make(tag, properties = {}, ...children) {
    const element = document.createElement(tag);
    for (const [key, value] of Object.entries(properties)) {
      if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
      else if (value === true) element.setAttribute(key, "");
      else if (value !== false && value !== undefined && value !== null) element.setAttribute(key, value);
    }
    element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
    return element;
  }

  const data = read("data-matrix");
  const { installs, devices, dtypes, columns, chapters } = data;
  const axes = { install: installs, device: devices, dtype: dtypes };
  const axisNames = Object.keys(axes);
  const words = Object.fromEntries(data.states);
  const worstFirst = ["F", "C", "N", "V", "W", "U", "I", "P"];
  const clauses = data.clauses.map(([id, chapter, statement, letters, heard]) => ({
    id, chapter, statement, letters, text: `${id}\n${statement}\n${heard}`.toLowerCase(),
  }));
  const clauseOf = new Map(clauses.map((clause) => [clause.id, clause]));
  const several = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
  const columnName = (number) => {
    const [install, device, dtype] = columns[number];
    const parts = [devices[device], dtypes[dtype] === "any dtype" ? "" : dtypes[dtype], installs.length > 1 ? installs[install] : ""];
    return parts.filter(Boolean).join(" ");
  };

  // What is asked for: one object, kept in the address.
  const DEFAULTS = {
    q: "", state: "", chapter: "", install: "", device: "", dtype: "",
    columns: installs.length > 1 ? "install" : devices.length > 1 ? "device" : "dtype", differ: "", clause: "",
  };
  let asked = { ...DEFAULTS };
  const opened = new Set();
  let limit = ROWS;

  function fromAddress() {
    const found = { ...DEFAULTS };
    if (location.hash.includes("=")) {
      for (const [key, value] of new URLSearchParams(location.hash.slice(1))) if (key in DEFAULTS) found[key] = value;
    }
    if (!axisNames.includes(found.columns)) found.columns = DEFAULTS.columns;
    return found;
  }

  function toAddress(changes = {}) {
    const wanted = { ...asked, ...changes };
    const parameters = new URLSearchParams();
    for (const key of Object.keys(DEFAULTS)) if (wanted[key] !== DEFAULTS[key]) parameters.set(key, wanted[key]);
    return `#${parameters}`;
  }

  function ask(changes) {
    asked = { ...asked, ...changes };
    limit = ROWS;
    history.replaceState(null, "", toAddress() === "#" ? location.pathname + location.search : toAddress());
    draw();
  }

  // Which cells are meant.
  function selection() {
    const picked = axisNames.map((axis) => (asked[axis] ? axes[axis].indexOf(asked[axis]) : -1));
    const wanted = axisNames.map((axis, index) => (asked[axis] ? picked[index] : null));
    const visible = columns.map((column) => wanted.every((one, index) => one === null || column[index] === one));
    const axis = axisNames.indexOf(asked.columns);
    const groups = axes[asked.columns].map((name, index) => ({
      name, numbers: columns.flatMap((column, number) => (visible[number] && column[axis] === index ? [number] : [])),
    }));
    return { visible, groups: groups.filter((group) => group.numbers.length) };
  }

  /** Whether cells of a clause disagree along an axis, all else being equal; cells that do not apply do not count. */
  function disagrees(letters, visible, axis) {
    const seen = new Map();
    for (let number = 0; number < letters.length; number++) {
      const letter = letters[number];
      if (!visible[number] || letter === "." || letter === "I") continue;
      const place = columns[number].filter((_, index) => index !== axis).join();
      if (!seen.has(place)) seen.set(place, letter);
      else if (seen.get(place) !== letter) return true;
    }
    return false;
  }

  function matching({ visible }) {
    const terms = asked.q.toLowerCase().split(/\s+/).filter(Boolean);
    const differing = asked.differ === "any" ? [0, 1, 2] : axisNames.includes(asked.differ) ? [axisNames.indexOf(asked.differ)] : [];
    return clauses.filter((clause) => {
      if (asked.chapter && chapters[clause.chapter][0] !== asked.chapter) return false;
      if (!terms.every((term) => clause.text.includes(term))) return false;
      let some = false, inState = !asked.state;
      for (let number = 0; number < clause.letters.length; number++) {
        const letter = clause.letters[number];
        if (!visible[number] || letter === ".") continue;
        some = true;
        if (!inState && asked.state.includes(letter)) inState = true;
        if (inState) break;
      }
      return some && inState && (!differing.length || differing.some((axis) => disagrees(clause.letters, visible, axis)));
    });
  }

  function tally(counts, letters, numbers) {
    for (const number of numbers) {
      const letter = letters[number];
      if (letter !== ".") counts[letter] = (counts[letter] || 0) + 1;
    }
    return counts;
  }

  function mark(counts) {
    const letter = worstFirst.find((each) => counts[each]);
    if (!letter) return make("td", { class: "s" });
    const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
    const told = worstFirst.filter((each) => counts[each]).map((each) => `${counts[each].toLocaleString("en")} ${words[each]}`);
    const number = total === 1 ? "" : make("small", {}, counts[letter] === total || letter === "P" ? counts[letter].toLocaleString("en") : `${counts[letter]}/${total}`);
    return make("td", { class: `s ${letter}`, title: told.join(", ") }, make("abbr", { title: words[letter] }, letter), number ? " " : "", number);
  }

  // The table.
  function draw() {
    const meant = selection();
    const found = matching(meant);
    const narrowed = Boolean(asked.q || asked.state || asked.differ || asked.chapter);
    const rows = [];
    let cells = 0, left = limit, cut = 0;
    chapters.forEach(([name, title], index) => {
      const own = found.filter((clause) => clause.chapter === index);
      if (!own.length) return;
      const counts = meant.groups.map((group) => own.reduce((sum, clause) => tally(sum, clause.letters, group.numbers), {}));
      for (const count of counts) cells += Object.values(count).reduce((sum, each) => sum + each, 0);
      const open = opened.has(name) !== narrowed;
      const button = make("button", {
        type: "button", "aria-expanded": String(open), onclick: () => {
          if (opened.has(name)) opened.delete(name); else opened.add(name);
          draw();
          byId("cells").querySelector(`[data-chapter="${index}"]`)?.focus();
        }, "data-chapter": index,
      }, title);
      rows.push(make("tr", { class: "chapter" }, make("th", { scope: "row" }, button, " ", make("small", {}, several(own.length, "clause"))), counts.map(mark)));
      if (!open) return;
      const shown = own.slice(0, left);
      left -= shown.length;
      cut += own.length - shown.length;
      for (const clause of shown) {
        const link = make("a", { href: toAddress({ clause: clause.id }), title: clause.statement }, clause.id.slice(clause.id.indexOf(".") + 1));
        rows.push(make("tr", {}, make("th", { scope: "row" }, link), meant.groups.map((group) => mark(tally({}, clause.letters, group.numbers)))));
      }
    });
    const table = byId("cells");
    table.dataset.axis = asked.columns;
    table.tHead.replaceChildren(make("tr", {}, make("th", { scope: "col" }, "chapter"), meant.groups.map((group) => make("th", { scope: "col" }, make("span", {}, group.name)))));
    table.tBodies[0].replaceChildren(...rows);
    table.tFoot?.remove();
    if (cut) {
      const more = make("button", { type: "button", onclick: () => { limit += ROWS; draw(); } }, `Show ${Math.min(cut, ROWS)} more of ${several(cut, "clause")}`);
      table.append(make("tfoot", {}, make("tr", {}, make("td", { colspan: meant.groups.length + 1 }, more))));
    }
    const nothing = asked.differ ? "No cells differ here." : "Nothing matches.";
    byId("found").textContent = found.length ? `${several(found.length, "clause")}, ${several(cells, "cell")}` : nothing;
    showFilters();
  }

  // The filters.
  const controls = {};
  function choose(key, label, options) {
    const select = make("select", { id: `filter-${key}`, onchange: () => ask({ [key]: select.value }) }, options.map(([value, text]) => make("option", { value }, text)));
    controls[key] = select;
    return make("label", {}, label, " ", select);
  }

  function buildFilters() {
    const search = make("input", { id: "search", type: "search", placeholder: "clause, sentence or diagnosis   ( / )", autocomplete: "off", spellcheck: "false", oninput: () => ask({ q: search.value }) });
    controls.q = search;
    const letters = new Set(clauses.flatMap((clause) => [...clause.letters]));
    const toggles = worstFirst.filter((letter) => letters.has(letter)).map((letter) => make("button", {
      type: "button", class: `s ${letter}`, "aria-pressed": "false", "data-state": letter, title: `only clauses with a cell that is: ${words[letter]}`,
      onclick: () => ask({ state: asked.state.includes(letter) ? asked.state.replace(letter, "") : asked.state + letter }),
    }, letter));
    const all = (names, none) => [["", none], ...names.map((name) => [name, name])];
    const axesWithChoice = axisNames.filter((axis) => axes[axis].length > 1);
    const names = { install: "run", device: "device", dtype: "dtype" };
    byId("filters").append(
      make("label", { class: "search" }, make("span", { class: "hidden" }, "Search"), search),
      make("span", { class: "toggles", role: "group", "aria-label": "State" }, toggles),
      choose("chapter", "chapter", [["", "all"], ...chapters.map(([name, title]) => [name, title])]),
      ...axesWithChoice.map((axis) => choose(axis, names[axis], all(axes[axis], "all"))),
      axesWithChoice.length > 1 ? choose("columns", "columns", axesWithChoice.map((axis) => [axis, names[axis] + "s"])) : "",
      axesWithChoice.length ? choose("differ", "only differences", [["", "off"], ["any", "of any kind"], ...axesWithChoice.map((axis) => [axis, `between ${names[axis]}s`])]) : "",
      make("button", { type: "button", id: "reset", onclick: () => { opened.clear(); ask({ ...DEFAULTS, clause: asked.clause }); controls.q.focus(); } }, "Reset"),
    );
    byId("filters").addEventListener("submit", (event) => event.preventDefault());
    byId("filters").hidden = false;
  }

  function showFilters() {
    for (const [key, control] of Object.entries(controls)) if (control.value !== asked[key]) control.value = asked[key];
    for (const toggle of byId("filters").querySelectorAll("[data-state]")) toggle.setAttribute("aria-pressed", String(asked.state.includes(toggle.dataset.state)));
    const plain = Object.keys(DEFAULTS).every((key) => key === "clause" || asked[key] === DEFAULTS[key]);
    byId("reset").hidden = plain && !opened.size;
  }

  // What stands behind a clause.
  const blocks = new Map();
  function detailOf(clause) {
    if (!blocks.has(clause.chapter)) blocks.set(clause.chapter, read(`data-${clause.chapter}`) || {});
    return blocks.get(clause.chapter)[clause.id];
  }

  function copyable(label, text, open) {
    const pre = make("pre", { tabindex: "0" });
    const said = make("span", { role: "status", class: "quiet" });
    const fill = () => { if (!pre.firstChild) pre.append(text); };
    const select = () => {
      fill();
      details.open = true;
      const range = document.createRange();
      range.selectNodeContents(pre);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      return document.execCommand("copy");
    };
    const copy = async () => {
      try {
        await navigator.clipboard.writeText(text);
        said.textContent = "copied";
      } catch {
        said.textContent = select() ? "copied" : "selected; copy it with your keyboard";
      }
    };
    const details = make("details", { open, ontoggle: fill }, make("summary", {}, label));
    if (open) fill();
    details.append(pre);
    return make("div", { class: "copyable" }, details, make("span", { class: "copy" }, said, " ", make("button", { type: "button", onclick: copy, "aria-label": `Copy: ${label}` }, "Copy")));
  }

  const fixed = (value) => (value === null ? "not finite" : Number(value.toPrecision(4)).toString());
  /** Return text with what stands between backticks as code. */
  function coded(text) {
    const parts = text.split("`");
    return parts.length % 2 ? parts.map((part, odd) => (odd % 2 ? make("code", {}, part) : part)) : [text];
  }

  const pair = (term, ...value) => make("div", {}, make("dt", {}, term), make("dd", {}, ...value));
  const letterOf = (clause, number) => make("abbr", { class: `s ${clause.letters[number]}`, title: words[clause.letters[number]] }, clause.letters[number]);
  const table = (caption, heads, rows) => make("div", { class: "scroll" }, make("table", { class: "facts" }, caption ? make("caption", {}, caption) : "",
    make("thead", {}, make("tr", {}, heads.map((head) => make("th", { scope: "col" }, head)))),
    make("tbody", {}, rows.map((row) => make("tr", {}, row.map((value) => make("td", {}, value)))))));

  function grid(clause) {
    const present = columns.flatMap((column, number) => (clause.letters[number] === "." ? [] : [number]));
    const dtypesHere = [...new Set(present.map((number) => columns[number][2]))];
    const places = new Map();
    for (const number of present) {
      const [install, device, dtype] = columns[number];
      const name = installs.length > 1 ? `${devices[device]}, ${installs[install]}` : devices[device];
      if (!places.has(name)) places.set(name, new Map());
      places.get(name).set(dtype, number);
    }
    const rows = [...places].slice(0, ROWS).map(([name, numbers]) => make("tr", {}, make("th", { scope: "row" }, name), dtypesHere.map((dtype) => (numbers.has(dtype) ? mark({ [clause.letters[numbers.get(dtype)]]: 1 }) : make("td", { class: "s" })))));
    return make("div", { class: "scroll" }, make("table", { class: "cells grid" }, make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "device"), dtypesHere.map((dtype) => make("th", { scope: "col" }, make("span", {}, dtypes[dtype]))))), make("tbody", {}, rows)));
  }

  /** Say what the other cells of a clause came to, those with the very same inputs first. */
  function others(clause, detail, failure) {
    if (failure.column === null) return "";
    const own = detail.inputs[detail.columns.indexOf(failure.column)];
    const lists = { same: {}, other: {} };
    detail.columns.forEach((number, index) => {
      if (number === failure.column) return;
      const list = own !== null && detail.inputs[index] === own ? lists.same : lists.other;
      (list[clause.letters[number]] ||= []).push(columnName(number));
    });
    const told = (list) => worstFirst.filter((letter) => list[letter]).map((letter) => make("li", {}, make("abbr", { class: `s ${letter}`, title: words[letter] }, letter), ` ${list[letter].slice(0, 16).join(", ")}${list[letter].length > 16 ? ` and ${list[letter].length - 16} more` : ""}`));
    const parts = [["On the very same inputs", lists.same], ["On inputs of their own", lists.other]];
    return parts.map(([title, list]) => (Object.keys(list).length ? make("div", { class: "others" }, make("b", {}, title), make("ul", {}, told(list))) : ""));
  }

  function failureOf(clause, detail, failure) {
    const count = failure.elements ? `${failure.mismatches.toLocaleString("en")} of ${several(failure.elements, "element")} ${failure.mismatches === 1 ? "differs" : "differ"}` : "";
    const facts = [
      failure.column === null ? "" : columnName(failure.column),
      failure.first ? `first at index [${failure.first.join(", ")}]` : "", count,
      failure.ulp === null ? "" : `${fixed(failure.ulp)} ULP at worst`,
      failure.waived ? "waived" : "",
    ].filter(Boolean).join(" · ");
    const replayed = /^\d/.test(failure.reproduced) ? `reproduced ${failure.reproduced}` : failure.reproduced;
    return make("article", { class: "failure" },
      make("h3", {}, coded(failure.diagnosis)), make("p", { class: "quiet" }, facts),
      failure.statement ? make("p", {}, make("code", {}, failure.statement)) : "",
      make("dl", { class: "sides" }, pair("expected", make("code", {}, failure.expected)), pair("observed", make("code", {}, failure.observed))),
      failure.inputs.length ? table("Minimal input", ["name", "type", "values", "layout, in elements", "storage, bits"], failure.inputs.map(([name, type, text, layout, bits]) => [make("code", {}, name), type, make("code", {}, text), layout, make("code", {}, bits)])) : "",
      others(clause, detail, failure),
      failure.script ? copyable(`Script, torch and NumPy alone (${replayed})`, failure.script, failure.script.length < 6000) : make("p", { class: "quiet" }, "The script is in results.jsonl, where there is one."),
      copyable("Issue text", failure.issue, false), copyable("Waiver draft", failure.waiver, false),
      failure.traceback ? make("details", {}, make("summary", {}, "Traceback"), make("pre", { tabindex: "0" }, failure.traceback)) : "");
  }

  function factsOf(detail) {
    if (!detail.known) return make("p", { class: "warning" }, "This specification has no such clause.");
    const source = detail.url ? make("a", { href: detail.url, rel: "noreferrer" }, detail.source) : detail.source;
    const bound = ([operation, set, device, words, basis, argument]) => make("li", {}, `${operation}, ${set}${device ? ` on ${device}` : ""}: ${words}, ${basis}. `, make("span", { class: "quiet" }, argument));
    return make("dl", { class: "about" },
      pair("level", `${detail.level}, ${detail.basis}`), pair("source", source), pair("judges", detail.kind),
      detail.seed ? pair("tutorial", detail.seed) : "",
      detail.since || detail.until ? pair("versions", [detail.since ? `since ${detail.since}` : "", detail.until ? `until ${detail.until}` : ""].filter(Boolean).join(", ")) : "",
      detail.note ? pair("note", detail.note) : "",
      detail.bounds.length ? pair("bounds", make("ul", {}, detail.bounds.map(bound))) : "",
      detail.faults ? pair("catches", make("code", {}, detail.faults.join(", "))) : "",
      detail.tests.length ? pair("property", make("code", {}, detail.tests.join(", "))) : "");
  }

  function showClause() {
    const dialog = byId("clause");
    const clause = clauseOf.get(asked.clause);
    if (!clause) {
      if (dialog.open) dialog.close();
      if (asked.clause) byId("found").textContent = `These records have no clause ${asked.clause}.`;
      return;
    }
    const detail = detailOf(clause);
    const cell = (number, index) => [columnName(number), letterOf(clause, number), detail.comparisons[index]?.toLocaleString("en") ?? "", detail.examples[index] ?? "", detail.seconds[index] ?? "", detail.inputs[index] === null ? "" : `set ${detail.inputs[index] + 1}`];
    dialog.replaceChildren(
      make("header", {}, make("h2", { id: "clause-title", tabindex: "-1" }, make("code", {}, clause.id)), make("button", { type: "button", onclick: () => dialog.close() }, "Close")),
      make("div", { class: "body" },
        clause.statement ? make("p", { class: "statement" }, clause.statement) : "", grid(clause),
        detail.reasons.map(([letter, reason, numbers]) => make("p", { class: "reason" }, make("abbr", { class: `s ${letter}`, title: words[letter] }, letter), ` ${numbers.slice(0, 8).map(columnName).join(", ")}${numbers.length > 8 ? ` and ${numbers.length - 8} more` : ""}: ${reason}`)),
        factsOf(detail),
        detail.failures.map((failure) => failureOf(clause, detail, failure)),
        detail.more ? make("p", { class: "quiet" }, `${several(detail.more, "failure")} more of this clause in results.jsonl.`) : "",
        detail.worst.length ? table("Worst accepted distances", ["operation", "cell", "ULP", "bound", "used", "where"], detail.worst.slice(0, ROWS).map(([number, operation, ulp, bound, share, where]) => [make("code", {}, operation), columnName(number), fixed(ulp), fixed(bound), share === null ? "absolute" : `${Math.round(100 * share)} %`, where])) : "",
        make("details", {}, make("summary", {}, several(detail.columns.length, "cell")), table("", ["cell", "state", "comparisons", "trials", "seconds", "inputs"], detail.columns.slice(0, ROWS).map(cell)))));
    if (!dialog.open) dialog.showModal();
    dialog.scrollTop = 0;
    byId("clause-title").focus();
  }

  // The rest of the table of distances.
  function moreDistances() {
    const rows = read("data-numerics");
    const body = byId("distances")?.tBodies[0];
    if (!body || rows.length <= body.rows.length) return;
    const place = byId("more-distances");
    const button = make("button", { type: "button", onclick: () => {
      const next = rows.slice(body.rows.length, body.rows.length + ROWS);
      body.append(...next.map(([operation, dtype, device, install, ulp, bound, share, where]) => make("tr", {},
        make("th", { scope: "row" }, make("code", {}, operation)), make("td", {}, dtype), make("td", {}, device), installs.length > 1 ? make("td", {}, install) : "",
        make("td", { class: "n" }, fixed(ulp)), make("td", { class: "n" }, fixed(bound)), make("td", { class: "n" }, share === null ? "absolute" : `${Math.round(100 * share)} %`), make("td", { class: "quiet" }, where))));
      if (rows.length <= body.rows.length) place.replaceChildren();
      else button.textContent = `Show more of ${rows.length - body.rows.length}`;
    } }, `Show more of ${rows.length - body.rows.length}`);
    place.replaceChildren(button);
  }

  buildFilters();
  byId("clause").addEventListener("close", () => { if (asked.clause) ask({ clause: "" }); });
  byId("clause").addEventListener("click", (event) => { if (event.target === byId("clause")) byId("clause").close(); });
  addEventListener("hashchange", () => { asked = fromAddress(); draw(); showClause(); });
  addEventListener("keydown", (event) => {
    if (event.key === "/" && !byId("clause").open && !/^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName)) { event.preventDefault(); controls.q.focus(); }
  });
  for (const link of document.querySelectorAll("nav a, a.skip")) {
    link.addEventListener("click", (event) => { // the address keeps the filters
      event.preventDefault();
      const section = document.querySelector(link.getAttribute("href"));
      section.scrollIntoView();
      section.tabIndex = -1;
      section.focus({ preventScroll: true });
    });
  }
  asked = fromAddress();
  draw();
  moreDistances();
  if (asked.clause) showClause();
  document.documentElement.dataset.ready = "true";
})();

"use strict";
// Optional script of the trace store pages: keyboard navigation, span details without a page load,
// folding of subtrees. Text is only set as text, never as markup.

const KEYS = [
  ["/", "search"], ["g t", "traces"], ["g l", "logs"], ["g m", "metrics"], ["g s", "sessions"],
  ["g v", "services"], ["g o", "overview"], ["j, ↓", "next row"], ["k, ↑", "previous row"],
  ["Enter", "open"], ["←, →", "fold, unfold (trace)"], ["e", "next error (trace)"],
  ["Esc", "leave search"], ["?", "keyboard shortcuts"],
];
const PLACES = {t: "/traces", l: "/logs", m: "/metrics", s: "/sessions", v: "/services", o: "/"};
let waitsForPlace = false;

function typing(target) {
  return target.closest("input, select, textarea, [contenteditable]") !== null;
}

function rows() {
  const found = document.querySelectorAll("#spans > li:not([hidden]) > a, .log > li > details > summary, #answers table tbody th > a, #answers table tbody td:first-child > a");
  return [...found];
}

function step(by) {
  const all = rows();
  if (!all.length) return;
  const at = all.indexOf(document.activeElement);
  const next = at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + by));
  all[next].focus();
  all[next].scrollIntoView({block: "nearest"});
}

// Subtrees ---------------------------------------------------------------------------------------

function below(item) {
  const depth = Number(item.dataset.depth);
  const found = [];
  for (let next = item.nextElementSibling; next && Number(next.dataset.depth) > depth; next = next.nextElementSibling) {
    found.push(next);
  }
  return found;
}

function fold(item, closed) {
  if (item.classList.contains("closed") === closed) return;
  item.classList.toggle("closed", closed);
  let hiddenBelow = -1;
  for (const one of below(item)) {
    const depth = Number(one.dataset.depth);
    if (closed) {
      one.hidden = true;
      continue;
    }
    if (hiddenBelow >= 0 && depth > hiddenBelow) continue;
    hiddenBelow = -1;
    one.hidden = false;
    if (one.classList.contains("closed")) hiddenBelow = depth;
  }
}

// Details of a span ------------------------------------------------------------------------------

const trace = document.getElementById("trace");
const place = document.getElementById("detail-place");
let asked = 0;

async function showSpan(id, focus) {
  const mine = ++asked;
  const request = await new Promise((resolve) => {
    const http = new XMLHttpRequest();
    http.responseType = "document";
    http.open("GET", "/trace/" + trace.dataset.trace + "/span/" + encodeURIComponent(id));
    http.onload = () => resolve(http);
    http.onerror = () => resolve(null);
    http.send();
  });
  if (mine !== asked) return;
  const detail = request && request.status === 200 && request.responseXML
    ? request.responseXML.getElementById("span-detail") : null;
  if (!detail) {
    location.href = "/trace/" + trace.dataset.trace + "?span=" + encodeURIComponent(id);
    return;
  }
  place.replaceChildren(detail);
  trace.classList.add("has-detail");
  for (const old of trace.querySelectorAll("li.chosen")) {
    old.classList.remove("chosen");
    old.firstElementChild.removeAttribute("aria-current");
  }
  const item = document.getElementById("s-" + id);
  if (item) {
    item.classList.add("chosen");
    item.firstElementChild.setAttribute("aria-current", "true");
  }
  history.replaceState(null, "", "/trace/" + trace.dataset.trace + "?span=" + encodeURIComponent(id));
  const narrow = window.matchMedia("(max-width: 1100px)").matches;
  if (narrow || focus) detail.scrollIntoView({block: "nearest"});
  if (narrow) detail.focus({preventScroll: true});
}

if (trace) {
  document.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
    const twig = event.target.closest(".twig");
    const link = event.target.closest("a[data-span]");
    if (twig && twig.textContent) {
      event.preventDefault();
      const item = twig.closest("li");
      fold(item, !item.classList.contains("closed"));
    } else if (link) {
      event.preventDefault();
      showSpan(link.dataset.span, !link.classList.contains("span-row"));
    }
  });
}

// Columns ---------------------------------------------------------------------------------------

const UNITS = {ms: 1, s: 1000, min: 60000, k: 1e3, M: 1e6, B: 1e9, T: 1e12};

function worth(cell) {
  const text = cell.textContent.trim();
  const found = text.match(/^[<>$\s-]*([\d,]*\.?\d+)\s*(ms|s|min|k|M|B|T)?\b/);
  if (!found) return null;
  return Number(found[1].replaceAll(",", "")) * (UNITS[found[2]] || 1);
}

function sortBy(heading) {
  const table = heading.closest("table");
  const column = [...heading.parentElement.children].indexOf(heading);
  const down = heading.getAttribute("aria-sort") !== "descending" && heading.classList.contains("number")
    || heading.getAttribute("aria-sort") === "ascending";
  const body = table.tBodies[0];
  const numeric = heading.classList.contains("number");
  const keyed = [...body.rows].map((row) => {
    const cell = row.cells[column];
    return {row, key: numeric ? worth(cell) : cell.textContent.trim()};
  });
  keyed.sort((one, other) => {
    if (one.key === null || other.key === null) return (one.key === null) - (other.key === null);
    const order = numeric ? one.key - other.key : one.key.localeCompare(other.key);
    return down ? -order : order;
  });
  for (const {row} of keyed) body.append(row);
  for (const one of heading.parentElement.children) one.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", down ? "descending" : "ascending");
}

document.addEventListener("click", (event) => {
  const heading = event.target.closest("thead th");
  if (heading && heading.closest("table").tBodies[0]) sortBy(heading);
});

document.addEventListener("keydown", (event) => {
  const heading = event.target.closest("thead th");
  if (!heading || !["Enter", " "].includes(event.key)) return;
  event.preventDefault();
  sortBy(heading);
});

// Live refresh replaces parts of the page: new table headings need keyboard handlers, and a sorted
// table is sorted again.
function sortable(part) {
  for (const heading of part.querySelectorAll("thead th")) {
    heading.tabIndex = 0;
    heading.title = "Sort by " + heading.textContent.trim();
  }
}

function sortAgain(event) {
  sortable(event.target);
  for (const [id, column, direction] of event.detail) {
    const panel = document.getElementById(id);
    const heading = panel && panel.querySelectorAll("thead th")[column];
    if (!heading) continue;
    sortBy(heading);
    if (heading.getAttribute("aria-sort") !== direction) sortBy(heading);
  }
}

sortable(document);
document.addEventListener("refreshed", sortAgain);

// Keys -------------------------------------------------------------------------------------------

function showKeys() {
  let dialog = document.querySelector("dialog.keys");
  if (!dialog) {
    dialog = document.createElement("dialog");
    dialog.className = "keys";
    const title = document.createElement("h2");
    title.textContent = "Keys";
    const list = document.createElement("dl");
    for (const [key, what] of KEYS) {
      const name = document.createElement("dt");
      const text = document.createElement("dd");
      name.textContent = key;
      text.textContent = what;
      list.append(name, text);
    }
    const form = document.createElement("form");
    form.method = "dialog";
    const button = document.createElement("button");
    button.className = "tool";
    button.textContent = "Close";
    form.append(button);
    dialog.append(title, list, form);
    document.body.append(dialog);
  }
  dialog.showModal();
}

function nextError() {
  const all = [...document.querySelectorAll("#spans > li.failed:not([hidden]) > a")];
  if (!all.length) return;
  const later = all.find((one) => document.activeElement.compareDocumentPosition(one) & Node.DOCUMENT_POSITION_FOLLOWING);
  const next = later && document.activeElement !== document.body ? later : all[0];
  next.focus();
  next.scrollIntoView({block: "center"});
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (typing(event.target)) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (document.querySelector("dialog[open]")) return;
  if (waitsForPlace) {
    waitsForPlace = false;
    if (PLACES[event.key]) {
      event.preventDefault();
      location.href = PLACES[event.key];
      return;
    }
  }
  const item = document.activeElement.closest("#spans > li");
  const plot = event.target.closest(".plot");
  if (event.key === "/") {
    const search = document.getElementById("search");
    if (search) {
      event.preventDefault();
      search.focus();
      search.select();
    }
  } else if (event.key === "g") waitsForPlace = true;
  else if (event.key === "?") showKeys();
  else if (event.key === "e" && trace) nextError();
  else if (event.key === "j" || (event.key === "ArrowDown" && item)) { event.preventDefault(); step(1); }
  else if (event.key === "k" || (event.key === "ArrowUp" && item)) { event.preventDefault(); step(-1); }
  else if (event.key === "ArrowLeft" && item && !plot) { event.preventDefault(); fold(item, true); }
  else if (event.key === "ArrowRight" && item && !plot) { event.preventDefault(); fold(item, false); }
});

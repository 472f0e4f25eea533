"use strict";
// Optional script of the page: live refresh, values under the pointer and by arrow keys, filters
// that apply on change, theme switch. Text is only set as text, never as markup.

const LIVE_MS = 5000;
const PENDING_MS = 400;
const told = document.getElementById("told");

// Theme ------------------------------------------------------------------------------------------

const theme = document.getElementById("theme");
const THEMES = ["auto", "light", "dark"];

function shownTheme() {
  return document.documentElement.dataset.theme || "auto";
}

function setTheme(name) {
  if (name === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = name;
  theme.textContent = "Theme: " + name;
  try {
    localStorage.setItem("otel-distro-theme", name);
  } catch (error) {
    // Used for this page only.
  }
}

if (theme) {
  theme.hidden = false;
  theme.textContent = "Theme: " + shownTheme();
  theme.addEventListener("click", () => {
    setTheme(THEMES[(THEMES.indexOf(shownTheme()) + 1) % THEMES.length]);
  });
}

// Filters ----------------------------------------------------------------------------------------

const filters = document.getElementById("filters");
if (filters) {
  filters.addEventListener("change", () => filters.requestSubmit());
  filters.addEventListener("submit", () => {
    // Unset filters are omitted from the URL.
    for (const field of filters.elements) {
      if (field.name && field.value === "") field.disabled = true;
    }
  });
  window.addEventListener("pageshow", () => {
    for (const field of filters.elements) field.disabled = false;
  });
}

// Values of charts -------------------------------------------------------------------------------

const tip = document.createElement("div");
tip.className = "tip";
tip.hidden = true;
tip.setAttribute("aria-hidden", "true");
document.body.append(tip);
let chosen = null;

function textOf(target) {
  if (target.dataset.told === undefined) {
    const title = target.querySelector("title");
    target.dataset.told = title ? title.textContent : "";
    if (title) title.remove(); // or the browser also shows its own tooltip
  }
  return target.dataset.told;
}

function choose(target) {
  if (chosen) chosen.classList.remove("chosen");
  chosen = target;
  if (!target) {
    tip.hidden = true;
    return;
  }
  target.classList.add("chosen");
  const lines = textOf(target).split("\n");
  tip.replaceChildren(...lines.map((line, place) => {
    const row = document.createElement(place ? "div" : "strong");
    row.textContent = line;
    return row;
  }));
  tip.hidden = false;
  const at = target.getBoundingClientRect();
  // Beside the bar, on the side with room, so that neither the bar nor a heading is covered.
  const most = document.documentElement.clientWidth - tip.offsetWidth - 8;
  const right = at.right + 8;
  const left = right <= most ? right : at.left - tip.offsetWidth - 8;
  tip.style.left = Math.max(8, Math.min(left, most)) + window.scrollX + "px";
  tip.style.top = at.top + window.scrollY + 6 + "px";
}

document.addEventListener("pointerover", (event) => {
  const target = event.target.closest(".hit");
  if (target) choose(target);
  else if (!event.target.closest(".plot")) choose(null);
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") choose(null);
  const plot = event.target.closest(".plot");
  if (!plot || !["ArrowLeft", "ArrowRight", "Home", "End"].includes(event.key)) return;
  event.preventDefault();
  const targets = [...plot.querySelectorAll(".hit")];
  const now = targets.indexOf(chosen);
  const last = targets.length - 1;
  const next = {
    ArrowLeft: now < 0 ? last : Math.max(0, now - 1),
    ArrowRight: now < 0 ? 0 : Math.min(last, now + 1),
    Home: 0,
    End: last,
  }[event.key];
  choose(targets[next]);
  told.textContent = textOf(targets[next]).replaceAll("\n", ", ");
});

document.addEventListener("focusout", (event) => {
  if (event.target.closest(".plot")) choose(null);
});

// Refresh ----------------------------------------------------------------------------------------

const live = document.getElementById("live");
let mark = document.querySelector("meta[name=otel-distro-mark]");
mark = mark ? mark.content : "";

// XMLHttpRequest, because it can parse a response as a document without running scripts.
function load(url, headers) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.responseType = "document";
    request.open("GET", url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.onload = () => resolve(request);
    request.onerror = () => resolve(null);
    request.send();
  });
}

function keepState(old, fresh) {
  for (const details of old.querySelectorAll("details[id][open]")) {
    const same = fresh.querySelector("#" + CSS.escape(details.id));
    if (same) same.open = true;
  }
}

function sorting(part) {
  return [...part.querySelectorAll("th[aria-sort]")].map((heading) => [
    heading.closest(".panel").id,
    [...heading.parentElement.children].indexOf(heading),
    heading.getAttribute("aria-sort"),
  ]);
}

function reachable(part) {
  return [...part.querySelectorAll("a, button, summary, [tabindex]")];
}

// New rows move the focused one down: it is identified by its link, else by its position.
function counterpart(focused, place, candidates) {
  const leads = focused.getAttribute("href");
  const same = leads && candidates.filter((one) => one.getAttribute("href") === leads);
  if (same && same.length === 1) return same[0];
  return candidates[place];
}

function swap(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  const sorted = sorting(old);
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  const place = focused ? reachable(old).indexOf(focused) : -1;
  if (chosen && old.contains(chosen)) choose(null);
  keepState(old, fresh);
  old.replaceWith(fresh);
  fresh.dispatchEvent(new CustomEvent("refreshed", {bubbles: true, detail: sorted}));
  const again = focused && counterpart(focused, place, reachable(fresh));
  if (again) again.focus({preventScroll: true});
}

function swapPage(page) {
  const old = document.getElementById("answers");
  const fresh = page.getElementById("answers");
  if (!old || !fresh) return;
  const olds = [...old.querySelectorAll(".panel, .tiles")];
  const freshes = [...fresh.querySelectorAll(".panel, .tiles")];
  const sameParts = olds.length === freshes.length && olds.every((part, n) => part.id === freshes[n].id);
  if (sameParts) olds.forEach((part, n) => swap(part, freshes[n]));
  else swap(old, fresh);
}

async function refresh() {
  if (document.hidden) return;
  const request = await load(location.href, {"x-otel-distro-seen": mark});
  live.classList.toggle("lost", !request);
  if (!request || request.status !== 200 || !request.responseXML) return;
  const fresh = request.responseXML.querySelector("meta[name=otel-distro-mark]");
  if (fresh) mark = fresh.content;
  swapPage(request.responseXML);
}

async function askPending() {
  for (const panel of document.querySelectorAll("[data-pending]")) {
    if (panel.dataset.pending === "") {
      const request = await load(location.href, {});
      if (request && request.responseXML) swapPage(request.responseXML);
      continue;
    }
    const request = await load("/panel/" + panel.dataset.pending + location.search, {});
    const fresh = request && request.status === 200 && request.responseXML
      ? request.responseXML.querySelector(".panel") : null;
    if (fresh) swap(panel, fresh);
  }
  const left = document.querySelector("[data-pending]");
  if (left) window.setTimeout(askPending, PENDING_MS);
  else if (document.querySelector(".tile")) {
    const request = await load(location.href, {});
    if (request && request.responseXML) swapPage(request.responseXML);
  }
}

if (document.querySelector("[data-pending]")) window.setTimeout(askPending, PENDING_MS);

if (live && live.dataset.live) {
  (async function loop() {
    await new Promise((resolve) => window.setTimeout(resolve, LIVE_MS));
    await refresh();
    if (document.querySelector("[data-pending]")) await askPending();
    loop();
  })();
}

"use strict";
// Runs before the page is painted, so that a chosen theme does not flash.
try {
  const chosen = localStorage.getItem("otel-distro-theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch (error) {
  // Storage may be forbidden; the system's theme is used then.
}

"use strict";
// Runs before the first paint, so that the other theme does not flash.
try {
  const chosen = localStorage.getItem("otel-distro-theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch (error) {
  // Storage may be disabled; the system's theme is used then.
}

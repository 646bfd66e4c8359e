// Runs before the first paint, so that a dark page never flashes white. What was chosen is remembered.
(() => {
  "use strict";
  const KEY = "recommender.theme";
  const system = matchMedia("(prefers-color-scheme: dark)");
  const remembered = () => {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null; // storage may be switched off; the page works without
    }
  };
  const apply = () => {
    const theme = remembered() ?? (system.matches ? "dark" : "light");
    document.documentElement.dataset.theme = theme;
    document.dispatchEvent(new CustomEvent("themechange", { detail: theme }));
  };
  apply();
  system.addEventListener("change", apply);
  document.addEventListener("themetoggle", () => {
    const next = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    try {
      localStorage.setItem(KEY, next);
      apply();
    } catch {
      document.documentElement.dataset.theme = next;
    }
  });
})();

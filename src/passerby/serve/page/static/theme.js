// Before anything is drawn: the colours that were chosen here last time, or those of the system.
(() => {
  let chosen = null;
  try {
    chosen = localStorage.getItem("passerby-theme");
  } catch {
    // A browser that keeps nothing follows the system.
  }
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
})();

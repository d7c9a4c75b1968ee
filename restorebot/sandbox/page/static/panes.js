// The parts of the page: at a phone's width one is shown at a time, elsewhere the drawer can be
// shut.
import { all, byId } from "./dom.js";

const drawerButton = byId("toggle-portal", HTMLButtonElement);

export function wirePanes() {
  for (const tab of all(".tabs [data-pane]", HTMLButtonElement)) {
    tab.addEventListener("click", () => showPane(tab.dataset.pane ?? ""));
  }
  drawerButton.addEventListener("click", () => setDrawer(document.body.dataset.drawer !== "open"));
  // Where there is no room for all, the thread has it first.
  setDrawer(!matchMedia("(max-width: 1120px) and (min-width: 761px)").matches);
  showPane("channel");
}

/** @param {string} name */
export function showPane(name) {
  document.body.dataset.pane = name;
  for (const tab of all(".tabs [data-pane]", HTMLButtonElement)) {
    tab.setAttribute("aria-pressed", String(tab.dataset.pane === name));
  }
}

/** @param {boolean} isOpen */
function setDrawer(isOpen) {
  drawerButton.setAttribute("aria-expanded", String(isOpen));
  document.body.dataset.drawer = isOpen ? "open" : "closed";
}

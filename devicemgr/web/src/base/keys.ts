// The keyboard: one letter does what the element with that `data-key` does when it is clicked.
import { allowedPages } from "./router";

const GO_MS = 1500;

/** Return a handler of key presses; `g` and a page's letter go to that page. */
export function keyboard(features: () => ReadonlySet<string>, help: () => void): (event: KeyboardEvent) => void {
  let goneAt = -GO_MS;
  return (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || isTyping(event.target)) return;
    if (document.querySelector("dialog[open]")) return;
    const goes = event.timeStamp - goneAt < GO_MS;
    goneAt = -GO_MS;
    if (goes) {
      const page = allowedPages(features()).find((one) => one.letter === event.key);
      if (page) location.hash = `#/${page.name}`;
    } else if (event.key === "g") goneAt = event.timeStamp;
    else if (event.key === "?") help();
    else if (!press(event.key)) return;
    event.preventDefault();
  };
}

function press(key: string): boolean {
  if (key === "/") return focus("[data-search]");
  if (key === "o") return act("[data-open]", "[data-portal]");
  if (key === "a" && act("[data-acknowledge]", "[data-row], [data-alarm]")) return true;
  return /^[a-z]$/.test(key) && click(document.querySelector(`[data-key="${key}"]`));
}

/** Press the button of what has the focus, or the only one; else give the focus to the first, so that no wrong one is pressed. */
function act(button: string, around: string): boolean {
  const buttons = document.querySelectorAll(button);
  const chosen = document.activeElement?.closest(around)?.querySelector(button);
  return chosen || buttons.length === 1 ? click(chosen ?? buttons[0] ?? null) : focus(`${button}:enabled`);
}

function click(element: Element | null): boolean {
  if (!(element instanceof HTMLElement)) return false;
  element.click();
  return true;
}

function focus(selector: string): boolean {
  const element = document.querySelector(selector);
  if (!(element instanceof HTMLElement)) return false;
  element.focus();
  return true;
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches("input:not([type=checkbox], [type=radio]), select, textarea");
}

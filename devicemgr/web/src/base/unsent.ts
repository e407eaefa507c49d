// What would be lost if the page were closed or the session ended now, such as marks that wait to be sent.
const kept = new Set<() => string>();

/** Let `words` say what is not sent yet, or nothing. */
export function keepsUnsent(words: () => string): void {
  kept.add(words);
}

/** Return in words what is not sent yet; empty if all is. */
export function unsentWords(): string {
  return [...kept].map((words) => words()).find((words) => words !== "") ?? "";
}

/** Ask before the page is closed while something is not sent. */
export function guardUnload(): void {
  addEventListener("beforeunload", (event) => {
    if (unsentWords() !== "") event.preventDefault();
  });
}

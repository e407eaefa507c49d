// Words for screen readers, said once (ARIA live region).
let region: HTMLElement | null = null;

export function announceIn(element: HTMLElement | null): void {
  region = element;
}

export function announce(text: string): void {
  if (region) region.textContent = text;
}

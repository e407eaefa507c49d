// One line at the lower edge says what came of the last action.
import { html, nothing, type TemplateResult } from "lit";
import { announce } from "../base/announce";
import { DeskElement } from "../base/element";
import { t } from "../base/i18n";
import type { Tone } from "../live/rows";
import { toneSymbol } from "./symbols";

const SHOWN_MS = 8000;

let line: StatusLine | null = null;

/** Show what came of an action, and have it read aloud. What went wrong stays until it is closed. */
export function say(words: string, tone: Tone = "good"): void {
  line?.show(words, tone);
  announce(words);
}

class StatusLine extends DeskElement {
  static override properties = { words: { state: true } };
  declare words: string;
  private tone: Tone = "good";
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    super();
    this.words = "";
  }

  override connectedCallback(): void {
    super.connectedCallback();
    // The newest one serves.
    // eslint-disable-next-line @typescript-eslint/no-this-alias
    line = this;
  }

  show(words: string, tone: Tone): void {
    clearTimeout(this.timer);
    this.words = words;
    this.tone = tone;
    this.requestUpdate();
    if (tone === "good" || tone === "plain") this.timer = setTimeout(() => (this.words = ""), SHOWN_MS);
  }

  override render(): TemplateResult | typeof nothing {
    if (this.words === "") return nothing;
    return html`<p class="said ${this.tone}">
      ${toneSymbol(this.tone)}<span>${this.words}</span>
      <button type="button" class="quiet" @click=${() => (this.words = "")}>${t("action.close")}</button>
    </p>`;
  }
}

customElements.define("desk-status", StatusLine);

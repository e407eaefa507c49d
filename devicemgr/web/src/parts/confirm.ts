// A question before an action: it names what and its effect; a grave one wants a word typed, or a button held.
import { html, nothing, type TemplateResult } from "lit";
import { DeskElement, whenClosed } from "../base/element";
import { t } from "../base/i18n";

export const HOLD_MS = 1000;
const MAX_REASON = 200;

export interface Question {
  title: string;
  effect: string | TemplateResult;
  /** The words of the button: a verb. */
  action: string;
  isDangerous?: boolean;
  /** What must be typed before the button works, such as the badge of who is erased, with the words that ask for it. */
  typed?: { wanted: string; label: string };
  /** Ask for a reason or comment. */
  reason?: { label: string; isRequired: boolean };
  /** The button must be held for a second. */
  isHeld?: boolean;
}

/** What was given beside the yes. */
export interface Confirmation {
  reason: string;
}

let dialog: ConfirmDialog | null = null;

/** Ask; null for no. One question at a time: a second one is answered with no. */
export function confirmed(question: Question): Promise<Confirmation | null> {
  return dialog?.ask(question) ?? Promise.resolve(null);
}

class ConfirmDialog extends DeskElement {
  static override properties = { question: { state: true }, typed: { state: true }, isHolding: { state: true }, isArmed: { state: true } };
  declare question: Question | null;
  declare typed: string;
  declare isHolding: boolean;
  /** A press that can't be held, as of a screen reader, must be made twice. */
  declare isArmed: boolean;
  private reason = "";
  private answer: ((given: Confirmation | null) => void) | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    super();
    this.question = null;
    this.typed = "";
    this.isHolding = false;
    this.isArmed = false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    // The newest one serves.
    // eslint-disable-next-line @typescript-eslint/no-this-alias
    dialog = this;
  }

  ask(question: Question): Promise<Confirmation | null> {
    if (this.question && !this.isShut()) return Promise.resolve(null);
    this.close(null);
    this.question = question;
    this.typed = "";
    this.reason = "";
    this.isHolding = false;
    this.isArmed = false;
    void this.updateComplete.then(() => this.querySelector("dialog")?.showModal());
    return new Promise((resolve) => (this.answer = resolve));
  }

  /** Return whether the last question has left the screen: a key can be pressed before the dialog says so. */
  private isShut(): boolean {
    return this.hasUpdated && !this.isUpdatePending && this.querySelector("dialog")?.open === false;
  }

  override render(): TemplateResult | typeof nothing {
    const { question } = this;
    if (!question) return nothing;
    return html`<dialog aria-labelledby="confirm-title" data-confirm-dialog @close=${whenClosed(() => this.close(null))}>
      <form method="dialog" @submit=${(event: SubmitEvent) => this.submit(event, question)}>
        <h2 id="confirm-title">${question.title}</h2>
        <p class="effect ${question.isDangerous ? "grave" : ""}">${question.effect}</p>
        ${question.typed
          ? html`<label class="field">${question.typed.label}<input name="typed" autocomplete="off" spellcheck="false" @input=${(event: InputEvent) => (this.typed = (event.target as HTMLInputElement).value)} /></label>`
          : nothing}
        ${question.reason
          ? html`<label class="field">${question.reason.label}<input name="reason" autocomplete="off" maxlength=${MAX_REASON} ?required=${question.reason.isRequired} @input=${(event: InputEvent) => (this.reason = (event.target as HTMLInputElement).value)} /></label>`
          : nothing}
        <footer>
          <button type="button" class="quiet" @click=${() => this.querySelector("dialog")?.close()}>${t("action.cancel")}</button>
          ${question.isHeld ? this.heldButton(question) : html`<button type="submit" class="main ${question.isDangerous ? "danger" : ""}" data-confirm ?disabled=${!this.isTyped(question)}>${question.action}</button>`}
        </footer>
      </form>
    </dialog>`;
  }

  private heldButton(question: Question): TemplateResult {
    const words = this.isArmed ? t("action.press_again") : this.isHolding ? t("action.hold_on") : t("action.hold", { action: question.action });
    return html`<button
      type="button"
      class="main danger held ${this.isHolding ? "holding" : ""}"
      data-confirm
      ?disabled=${!this.isTyped(question)}
      @pointerdown=${(event: PointerEvent) => this.pointerDown(event)}
      @pointerup=${() => this.release()}
      @pointercancel=${() => this.release()}
      @keydown=${(event: KeyboardEvent) => this.keyDown(event)}
      @keyup=${() => this.release()}
      @blur=${() => this.release()}
      @click=${(event: MouseEvent) => this.press(event)}
    >
      ${words}
    </button>`;
  }

  private isTyped({ typed }: Question): boolean {
    return !typed || this.typed.trim() === typed.wanted;
  }

  /** The button's words change, and its size with them: what holds it goes on holding it. */
  private pointerDown(event: PointerEvent): void {
    (event.currentTarget as HTMLElement).setPointerCapture(event.pointerId);
    this.hold();
  }

  private hold(): void {
    if (this.isHolding) return;
    this.isHolding = true;
    this.timer = setTimeout(() => this.finish(), HOLD_MS);
  }

  private release(): void {
    clearTimeout(this.timer);
    this.isHolding = false;
  }

  private keyDown(event: KeyboardEvent): void {
    if (event.key !== " " && event.key !== "Enter") return;
    event.preventDefault();
    if (!event.repeat) this.hold();
  }

  private press(event: MouseEvent): void {
    if (event.detail > 0) return; // of a pointer, which holds
    if (this.isArmed) this.finish();
    else this.isArmed = true;
  }

  private submit(event: SubmitEvent, question: Question): void {
    event.preventDefault();
    if (question.isHeld || !this.isTyped(question)) return;
    this.finish();
  }

  private finish(): void {
    this.release();
    const form = this.querySelector("form");
    if (form && !form.reportValidity()) return;
    this.close({ reason: this.reason.trim() });
  }

  private close(given: Confirmation | null): void {
    this.release();
    const { answer } = this;
    this.answer = undefined;
    this.question = null;
    answer?.(given);
  }
}

customElements.define("desk-confirm", ConfirmDialog);

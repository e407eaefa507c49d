// The dialog of a portal's actions: it names portal and effect, sends once, and says what came of it.
import { html, nothing, type TemplateResult } from "lit";
import { Problem, call } from "../api/client";
import type { Direction, Mode } from "../api/types";
import { announce } from "../base/announce";
import { DeskElement, whenClosed } from "../base/element";
import { t } from "../base/i18n";
import { problemWords } from "./words";

export interface Wanted {
  portal: string;
  mode: Mode;
  kind: "open" | "mode";
}

/** What came of a command; never more than the daemon knows. */
export interface Outcome {
  kind: "confirmed" | "refused" | "unknown";
  words: string;
}

const MODES: readonly Mode[] = ["normal", "locked", "free"];
const MAX_REASON = 200;

let dialog: PortalDialog | null = null;

export function openDialog(wanted: Wanted): void {
  dialog?.show(wanted);
}

/** Return the outcome of an error: what may have been carried out is unknown, not refused. */
export function outcomeOf(error: unknown): Outcome {
  const isRefused = error instanceof Problem && error.status < 500 && error.code !== "outcome_unknown";
  const refusing = ["device_unreachable", "device_refused", "device_busy", "device_unready"];
  const isByDevice = error instanceof Problem && refusing.includes(error.code);
  return { kind: isRefused || isByDevice ? "refused" : "unknown", words: problemWords(error) };
}

class PortalDialog extends DeskElement {
  static override properties = { wanted: { state: true }, direction: { state: true }, mode: { state: true }, overrides: { state: true }, isSent: { state: true }, outcome: { state: true } };
  declare wanted: Wanted | null;
  declare direction: Direction;
  declare mode: Mode;
  declare overrides: boolean;
  declare isSent: boolean;
  declare outcome: Outcome | null;
  private reason = "";

  constructor() {
    super();
    this.wanted = null;
    this.direction = "entry";
    this.mode = "normal";
    this.overrides = false;
    this.isSent = false;
    this.outcome = null;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    // The newest one serves.
    // eslint-disable-next-line @typescript-eslint/no-this-alias
    dialog = this;
  }

  show(wanted: Wanted): void {
    this.wanted = wanted;
    this.direction = "entry";
    this.mode = wanted.mode === "normal" ? "locked" : "normal";
    this.overrides = false;
    this.isSent = false;
    this.outcome = null;
    this.reason = "";
    void this.updateComplete.then(() => this.box()?.showModal());
  }

  private box(): HTMLDialogElement | null {
    return this.querySelector("dialog");
  }

  override render(): TemplateResult | typeof nothing {
    const { wanted } = this;
    if (!wanted) return nothing;
    return html`<dialog aria-labelledby="portal-dialog-title" @close=${whenClosed(() => this.closed())}>
      <form method="dialog" @submit=${(event: SubmitEvent) => void this.send(event, wanted)}>
        <h2 id="portal-dialog-title">${t(wanted.kind === "open" ? "action.open_portal" : "action.mode_of", { portal: wanted.portal })}</h2>
        ${this.isSent ? nothing : wanted.kind === "open" ? this.openFields(wanted) : this.modeFields(wanted)}
        ${this.result()}
        <footer>
          <button type="button" class="quiet" @click=${() => this.box()?.close()}>${t(this.isSent ? "action.close" : "action.cancel")}</button>
          ${this.isSent ? nothing : html`<button type="submit" class="main" data-confirm>${t("action.confirm")}</button>`}
        </footer>
      </form>
    </dialog>`;
  }

  private openFields(wanted: Wanted): TemplateResult {
    const directions: readonly Direction[] = ["entry", "exit"];
    return html`<fieldset class="choices">
        <legend>${t("action.direction")}</legend>
        ${directions.map(
          (one) => html`<label>
            <input type="radio" name="direction" .value=${one} .checked=${this.direction === one} @change=${() => (this.direction = one)} />
            ${t(`direction.${one}`)}
          </label>`,
        )}
      </fieldset>
      <p class="effect">${t(`effect.${this.direction}`, { portal: wanted.portal })}</p>
      <details ?open=${this.overrides}>
        <summary>${t("action.override")}</summary>
        <label class="check">
          <input type="checkbox" data-override .checked=${this.overrides} @change=${() => (this.overrides = !this.overrides)} />
          ${t("effect.override")}
        </label>
        ${this.overrides
          ? html`<label class="field">
              ${t("action.reason")}
              <input name="reason" required maxlength=${MAX_REASON} autocomplete="off" @input=${(event: InputEvent) => (this.reason = (event.target as HTMLInputElement).value)} />
            </label>`
          : nothing}
      </details>`;
  }

  private modeFields(wanted: Wanted): TemplateResult {
    return html`<fieldset class="choices">
        <legend>${t("action.new_mode")}</legend>
        ${MODES.map(
          (one) => html`<label>
            <input type="radio" name="mode" .value=${one} .checked=${this.mode === one} ?disabled=${one === wanted.mode} @change=${() => (this.mode = one)} />
            ${t(`mode.${one}`)}${one === wanted.mode ? html` <small>${t("mode.present")}</small>` : nothing}
          </label>`,
        )}
      </fieldset>
      <p class="effect">${t(`effect.${this.mode}`, { portal: wanted.portal })}</p>`;
  }

  private result(): TemplateResult {
    const { outcome } = this;
    const words = outcome ? html`<strong>${t(`outcome.${outcome.kind}`)}</strong> ${outcome.words}` : this.isSent ? t("outcome.waiting") : nothing;
    return html`<p class="outcome ${outcome?.kind ?? ""}" role="status">${words}</p>`;
  }

  private async send(event: SubmitEvent, wanted: Wanted): Promise<void> {
    event.preventDefault();
    if (this.isSent) return;
    this.isSent = true;
    try {
      this.outcome = await (wanted.kind === "open" ? this.open(wanted) : this.setMode(wanted));
    } catch (error) {
      this.outcome = outcomeOf(error);
    }
    announce(`${wanted.portal}: ${t(`outcome.${this.outcome.kind}`)} ${this.outcome.words}`);
  }

  private async open({ portal }: Wanted): Promise<Outcome> {
    const overriding = this.overrides ? { override: "interlock" as const, reason: this.reason.trim() } : {};
    const answer = await call("post", "/api/v1/portals/{name}/open", { path: { name: portal } }, { direction: this.direction, ...overriding });
    return this.reported(answer.outcome);
  }

  private async setMode({ portal }: Wanted): Promise<Outcome> {
    const answer = await call("put", "/api/v1/portals/{name}/mode", { path: { name: portal } }, { mode: this.mode });
    if (!answer.applied) return { kind: "unknown", words: t("outcome.later", { cause: answer.cause ?? "" }) };
    return this.reported(answer.outcome ?? "confirmed");
  }

  private reported(outcome: string): Outcome {
    if (outcome === "confirmed") return { kind: "confirmed", words: t("outcome.by_gate") };
    return { kind: "unknown", words: t(outcome === "sent" ? "outcome.sent" : "outcome.lost") };
  }

  private closed(): void {
    this.wanted = null;
  }
}

customElements.define("desk-portal-dialog", PortalDialog);

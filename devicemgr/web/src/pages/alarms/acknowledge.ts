// The dialog in which a guard takes note of an alarm; it shows at once when another operator was first.
import { html, nothing, type TemplateResult } from "lit";
import { Problem, call } from "../../api/client";
import type { AlarmState } from "../../api/types";
import { clock, day } from "../../base/dates";
import { StoreElement, whenClosed } from "../../base/element";
import { t } from "../../base/i18n";
import { store } from "../../live/store";
import { textField } from "../../parts/fields";
import { say } from "../../parts/status";
import { actorWords, alarmWords } from "../../parts/words";
import { causeWords, prioritySymbol, refusalWords } from "./alarm";

const MAX_COMMENT = 500;

let dialog: AcknowledgeDialog | null = null;

export function askToAcknowledge(id: string): void {
  dialog?.show(id);
}

class AcknowledgeDialog extends StoreElement {
  static override properties = { seen: { state: true }, comment: { state: true }, error: { state: true }, refusal: { state: true }, isSent: { state: true } };
  /** The alarm as it was when the dialog was opened. */
  declare seen: AlarmState | null;
  declare comment: string;
  declare error: string;
  declare refusal: string;
  declare isSent: boolean;

  constructor() {
    super();
    this.seen = null;
    this.comment = "";
    this.error = "";
    this.refusal = "";
    this.isSent = false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    // The newest one serves.
    // eslint-disable-next-line @typescript-eslint/no-this-alias
    dialog = this;
  }

  show(id: string): void {
    this.seen = store.states.alarms[id] ?? null;
    this.comment = "";
    this.error = "";
    this.refusal = "";
    this.isSent = false;
    void this.updateComplete.then(() => this.box()?.showModal());
  }

  private box(): HTMLDialogElement | null {
    return this.querySelector("dialog");
  }

  override render(): TemplateResult | typeof nothing {
    const { seen } = this;
    if (!seen) return nothing;
    const overtaken = this.refusal || (this.isSent ? "" : overtakenWords(seen));
    return html`<dialog aria-labelledby="acknowledge-title" @close=${whenClosed(() => this.closed())}>
      <form method="dialog" @submit=${(event: SubmitEvent) => void this.send(event, seen)}>
        <h2 id="acknowledge-title">${prioritySymbol(seen.priority)} ${alarmWords(seen)}</h2>
        <p class="effect">${t("alarms.began", { time: `${day(seen.since)} ${clock(seen.since)}`.trim() })}${seen.cause ? html`<br />${causeWords(seen)}` : nothing}</p>
        ${overtaken
          ? html`<p class="outcome refused" role="alert" data-overtaken>${overtaken}</p>`
          : html`${textField({
                name: "comment",
                label: t("alarms.comment"),
                hint: t(seen.needs_comment ? "alarms.comment_required" : "alarms.comment_optional"),
                value: this.comment,
                error: this.error || undefined,
                max: MAX_COMMENT,
                isDisabled: this.isSent,
                change: (comment) => {
                  this.comment = comment;
                  this.error = "";
                },
              })}
              <p class="soft">${t("alarms.no_door")}</p>`}
        <footer>
          <button type="button" class="quiet" data-close @click=${() => this.box()?.close()}>${t(overtaken ? "action.close" : "action.cancel")}</button>
          ${overtaken ? nothing : html`<button type="submit" class="main" data-confirm ?disabled=${this.isSent || store.link !== "live"}>${t("alarms.acknowledge_now")}</button>`}
        </footer>
      </form>
    </dialog>`;
  }

  private async send(event: SubmitEvent, seen: AlarmState): Promise<void> {
    event.preventDefault();
    if (this.isSent) return;
    const comment = this.comment.trim();
    if (seen.needs_comment && comment === "") {
      this.error = t("alarms.write_comment");
      this.querySelector("input")?.focus();
      return;
    }
    this.isSent = true;
    try {
      const answer = await call("post", "/api/v1/alarms/{alarm}/acknowledge", { path: { alarm: seen.id } }, { comment, seq: seen.seq });
      this.box()?.close();
      say(t(answer.state === "active" ? "alarms.done_active" : "alarms.done_over", { alarm: alarmWords(seen) }));
    } catch (error) {
      this.isSent = false;
      if (error instanceof Problem && error.code === "comment_required") this.error = t("alarms.write_comment");
      else this.refusal = refusalWords(error);
    }
  }

  private closed(): void {
    this.seen = null;
    // The button that opened the dialog is gone with what it was for.
    if (document.activeElement === document.body) document.querySelector<HTMLElement>(".page.alarms [data-row], .page.alarms [data-back]")?.focus();
  }
}

/** Return what has become of an alarm since it was looked at; nothing while it is the same. */
export function overtakenWords(seen: AlarmState): string {
  const now = store.states.alarms[seen.id];
  if (!now) return t("alarms.gone");
  const taken = now.acknowledged;
  if (taken && !seen.acknowledged) {
    const words = { who: actorWords(taken.by), time: clock(taken.at) };
    return taken.comment ? t("alarms.was_first_saying", { ...words, comment: taken.comment }) : t("alarms.was_first", words);
  }
  return now.seq === seen.seq ? "" : t("alarms.repeated");
}

customElements.define("desk-acknowledge", AcknowledgeDialog);

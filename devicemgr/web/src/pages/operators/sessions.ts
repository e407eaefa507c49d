// Who is signed in here and at other desks.
import { html, nothing, type TemplateResult } from "lit";
import { call, type Answer } from "../../api/client";
import { StoreElement } from "../../base/element";
import { clock, day, moment } from "../../base/dates";
import { t } from "../../base/i18n";
import { Loaded } from "../../base/loaded";
import { store } from "../../live/store";
import { confirmed } from "../../parts/confirm";
import { listing } from "../../parts/listing";
import { say } from "../../parts/status";
import { problemWords } from "../../parts/words";

type Session = Answer<"/api/v1/sessions", "get">[number];

class Sessions extends StoreElement {
  static override properties = { isSent: { state: true } };
  declare isSent: boolean;
  private readonly found = new Loaded(this, () => call("get", "/api/v1/sessions"), false);

  constructor() {
    super();
    this.isSent = false;
  }

  override render(): TemplateResult {
    const rows = this.found.value;
    return html`${this.found.notice()}
    ${rows
      ? listing<Session>({
          label: t("operator.sessions"),
          rows,
          key: (one) => one.id,
          columns: [
            { title: t("operator.name"), isHeader: true, cell: (one) => html`${one.operator}${one.own ? html` <small class="soft" data-own>${t("operator.own_session")}</small>` : nothing}` },
            { title: t("operator.address"), cell: (one) => one.address },
            { title: t("operator.since"), name: "since", cell: (one) => time(one.since) },
            { title: t("operator.used"), name: "since", cell: (one) => time(one.used) },
            { title: t("operator.end_session"), name: "buttons", cell: (one) => this.button(one) },
          ],
          empty: t("operator.sessions_none"),
        })
      : nothing}`;
  }

  private button(one: Session): TemplateResult | typeof nothing {
    if (!store.may("DELETE /sessions/{session}")) return nothing;
    return html`<button type="button" class="quiet" data-end ?disabled=${this.isSent || store.isStale} aria-label=${t("operator.end_session_of", { name: one.operator })} @click=${() => void this.end(one)}>${t("operator.end_session")}</button>`;
  }

  private async end({ id, operator }: Session): Promise<void> {
    const yes = await confirmed({ title: t("operator.end_session_of", { name: operator }), effect: t("operator.end_session_effect", { name: operator }), action: t("operator.end_session"), isDangerous: true });
    if (!yes || this.isSent) return;
    this.isSent = true;
    try {
      await call("delete", "/api/v1/sessions/{session}", { path: { session: id } });
      say(t("operator.ended", { name: operator }));
    } catch (error) {
      say(problemWords(error), "bad");
    }
    this.isSent = false;
    await this.found.reload();
  }
}

function time(at: string): TemplateResult {
  return html`<time title=${moment(at)}>${day(at)} ${clock(at)}</time>`;
}

customElements.define("desk-sessions", Sessions);

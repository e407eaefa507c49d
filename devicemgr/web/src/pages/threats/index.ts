// Threats, such as a lockdown: set and ended for the whole site or its zones, with what each gate has answered.
import { html, nothing, type TemplateResult } from "lit";
import { call, type Answer } from "../../api/client";
import { announce } from "../../base/announce";
import { clock, day } from "../../base/dates";
import { StoreElement, whenClosed } from "../../base/element";
import { counted, t } from "../../base/i18n";
import { store } from "../../live/store";
import { confirmed } from "../../parts/confirm";
import { outcomeOf } from "../../parts/portal-dialog";
import { actorWords } from "../../parts/words";

type Threat = Answer<"/api/v1/threats", "get">[number];
type Result = Answer<"/api/v1/threats/{name}/set", "post">;

const POLL_MS = 2000;
/** Gates have 3 s to answer, and the record a few more. */
const TIMEOUT_MS = 30_000;
const TONES: Record<string, string> = { confirmed: "confirmed", refused: "refused", unchanged: "" };

export class Threats extends StoreElement {
  static override properties = { threats: { state: true }, result: { state: true }, trouble: { state: true }, isSending: { state: true }, pending: { state: true } };
  declare threats: readonly Threat[] | null;
  declare result: Result | null;
  declare trouble: { kind: string; words: string } | null;
  declare isSending: boolean;
  /** Devices that decide by themselves and hold other people than those whom the threats allow. */
  declare pending: readonly string[];
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    super();
    this.threats = null;
    this.result = null;
    this.trouble = null;
    this.isSending = false;
    this.pending = [];
  }

  override connectedCallback(): void {
    super.connectedCallback();
    void this.updateComplete.then(() => this.querySelector("dialog")?.showModal());
    void this.look();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.timer);
  }

  /** Read what is in force, and which devices have not followed yet, as long as the dialog is open. */
  private async look(): Promise<void> {
    clearTimeout(this.timer);
    try {
      const [threats, status] = [await call("get", "/api/v1/threats"), await call("get", "/api/v1/status")];
      this.threats = threats;
      this.pending = status.devices.filter((device) => device.threat_pending).map((device) => device.name);
    } catch (error) {
      if (this.threats === null) this.trouble = outcomeOf(error);
    }
    if (this.isConnected) this.timer = setTimeout(() => void this.look(), POLL_MS);
  }

  override render(): TemplateResult {
    return html`<dialog class="wide" aria-labelledby="threats-title" data-threats-dialog @close=${whenClosed(() => this.remove())}>
      <h2 id="threats-title">${t("threats.title")}</h2>
      ${this.list()}
      <div role="status">${this.outcome()}</div>
      <footer><button type="button" class="quiet" data-close @click=${() => this.querySelector("dialog")?.close()}>${t("action.close")}</button></footer>
    </dialog>`;
  }

  private list(): TemplateResult {
    if (this.threats === null) return html`<p class="empty">${t("page.loading")}</p>`;
    if (this.threats.length === 0) return html`<p class="empty">${t("threats.none")}</p>`;
    return html`<ul class="threats">${this.threats.map((threat) => this.row(threat))}</ul>`;
  }

  private row(threat: Threat): TemplateResult {
    const now = threat.in_force;
    const isOff = this.isSending || store.link !== "live";
    const label = (words: string): string => `${words} ${threat.name}`;
    return html`<li class=${now ? "bad" : ""} data-threat=${threat.name}>
      <div>
        <strong>${threat.name}</strong> <small>${t("threats.scope", { scope: scopeWords(now?.scope ?? threat.scope) })}</small>
        <p>${now ? t("threats.in_force", { time: `${day(now.since)} ${clock(now.since)}`.trim(), who: actorWords(now.by ?? ""), reason: now.reason }) : t("threats.not_in_force")}</p>
      </div>
      ${now
        ? store.may("POST /threats/{name}/end")
          ? html`<button type="button" data-end ?disabled=${isOff} aria-label=${label(t("threats.end"))} @click=${() => void this.end(threat)}>${t("threats.end")}</button>`
          : nothing
        : store.may("POST /threats/{name}/set")
          ? html`<button type="button" class="danger" data-set ?disabled=${isOff} aria-label=${label(t("threats.set"))} @click=${() => void this.set(threat)}>${t("threats.set")}</button>`
          : nothing}
    </li>`;
  }

  private outcome(): TemplateResult | typeof nothing {
    if (this.isSending) return html`<p>${t("threats.sending")}</p>`;
    const { result, trouble } = this;
    return html`${trouble ? html`<p class="outcome ${trouble.kind}"><strong>${trouble.kind === "refused" ? t("outcome.refused") : t("outcome.unknown")}</strong> ${trouble.words}</p>` : nothing}
      ${result ? html`<p><strong>${resultWords(result)}</strong></p>${gates(result)}` : nothing}
      ${this.pending.length > 0 ? html`<p class="outcome unknown" data-pending>${t("threats.pending", { devices: this.pending.join(", ") })}</p>` : nothing}`;
  }

  private async set({ name, scope, allow }: Threat): Promise<void> {
    const answer = await confirmed({
      title: t("threats.set_title", { name }),
      effect: t("threats.set_effect", { scope: scopeWords(scope), levels: allow.join(", ") || t("threats.no_levels") }),
      action: t("threats.set_action", { name }),
      isDangerous: true,
      isHeld: true,
      reason: { label: t("threats.set_reason"), isRequired: true },
    });
    if (answer) await this.send(() => call("post", "/api/v1/threats/{name}/set", { path: { name }, timeoutMs: TIMEOUT_MS }, { zones: [], reason: answer.reason }));
  }

  private async end({ name }: Threat): Promise<void> {
    const answer = await confirmed({
      title: t("threats.end_title", { name }),
      effect: t("threats.end_effect"),
      action: t("threats.end_action", { name }),
      isHeld: true,
      reason: { label: t("threats.end_comment"), isRequired: true },
    });
    if (answer) await this.send(() => call("post", "/api/v1/threats/{name}/end", { path: { name }, timeoutMs: TIMEOUT_MS }, { comment: answer.reason }));
  }

  private async send(request: () => Promise<Result>): Promise<void> {
    if (this.isSending) return;
    this.isSending = true;
    this.result = null;
    this.trouble = null;
    try {
      this.result = await request();
      announce(resultWords(this.result));
    } catch (error) {
      this.trouble = outcomeOf(error);
    } finally {
      this.isSending = false;
      void this.look();
    }
  }
}

function resultWords({ threat: name, in_force, repeated }: Result): string {
  return repeated ? t("threats.repeated", { name }) : t(in_force ? "threats.is_set" : "threats.is_ended", { name });
}

/** Return what each gate has answered; never more than it has. */
function gates(result: Result): TemplateResult {
  if (result.portals.length === 0) return html`<p>${t("threats.no_portals")}</p>`;
  return html`<ul class="gates">
    ${result.outcomes.map((one) => html`<li class="outcome ${TONES[one.outcome] ?? "unknown"}" data-gate=${one.portal}><strong>${one.portal}</strong> ${gateWords(one.outcome)} ${one.cause ?? ""}</li>`)}
  </ul>`;
}

function gateWords(outcome: string): string {
  const known = ["confirmed", "sent", "refused", "unchanged"] as const;
  return t(`gate_outcome.${known.find((one) => one === outcome) ?? "unknown"}`);
}

function scopeWords(scope: readonly string[]): string {
  return scope.includes("site") ? t("threats.whole_site") : counted("threats.zones", scope.length, { zones: scope.join(", ") });
}

customElements.define("desk-threats", Threats);

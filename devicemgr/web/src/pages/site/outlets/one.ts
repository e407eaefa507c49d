// One outlet: how it stands, what leaves by it, and testing, pausing, replaying and removing it.
import { html, nothing, type TemplateResult } from "lit";
import { Problem, call } from "../../../api/client";
import { StoreElement } from "../../../base/element";
import { number, t } from "../../../base/i18n";
import { go, href } from "../../../base/router";
import { store } from "../../../live/store";
import { confirmed } from "../../../parts/confirm";
import { textField } from "../../../parts/fields";
import { say } from "../../../parts/status";
import { saveUnchanged } from "../editing/guard";
import { causeWords } from "../editing/words";
import { statedOf, type Outlet } from "./fields";
import "./secret";
import { behindWords, eventsWords, kindWords, leavesWords, stateWords, troubleWords } from "./words";

/** A receiver may take its time. */
const TEST_MS = 60_000;

interface Outcome {
  kind: "confirmed" | "refused" | "unknown";
  words: string;
}

class OutletCard extends StoreElement {
  static override properties = { outlet: { attribute: false }, tested: { state: true }, from: { state: true }, fromError: { state: true }, isBusy: { state: true } };
  declare outlet: Outlet;
  /** What came of the last test. */
  declare tested: Outcome | null;
  declare from: string;
  declare fromError: string;
  declare isBusy: boolean;

  constructor() {
    super();
    this.tested = null;
    this.from = "";
    this.fromError = "";
    this.isBusy = false;
  }

  override firstUpdated(): void {
    this.querySelector<HTMLElement>("h2")?.focus();
  }

  override render(): TemplateResult {
    const { outlet } = this;
    return html`<p class="back"><a href=${href("site", "outlets")}>${t("site_tab.outlets")}</a></p>
      <header class="outlet"><h2 tabindex="-1">${outlet.name}</h2></header>
      <div class="outlet-cards">
        ${this.present(outlet)} ${this.set(outlet)}
        <desk-outlet-secret .outlet=${outlet}></desk-outlet-secret>
        ${this.mayRelease && store.may("POST /outlets/{name}/replay") ? this.again() : nothing}
      </div>`;
  }

  /** Who lets an outlet go on must be one who may see what leaves by it. */
  private get mayRelease(): boolean {
    return store.may("GET /events");
  }

  private get isOff(): boolean {
    return this.isBusy || store.link !== "live";
  }

  private present(outlet: Outlet): TemplateResult {
    const waits = outlet.state === "paused" || outlet.state === "stopped";
    const mayResume = store.may("POST /outlets/{name}/resume");
    return html`<article class="card" aria-labelledby="present-title" data-state=${outlet.state}>
      <h3 id="present-title">${t("outlet.present")}</h3>
      <dl class="facts">
        <dt>${t("outlet.state")}</dt><dd>${stateWords(outlet)}</dd>
        <dt>${t("outlet.behind_title")}</dt><dd data-behind>${behindWords(outlet)}</dd>
        <dt>${t("outlet.cursor")}</dt><dd data-cursor>${number(outlet.cursor)}</dd>
      </dl>
      ${outlet.cause ? html`<p class="outcome ${outlet.state === "stopped" ? "refused" : "unknown"}" data-cause>${outlet.cause}</p><p class="hint">${troubleWords(outlet)}</p>` : nothing}
      ${waits && mayResume && !this.mayRelease ? html`<p class="outcome unknown" data-waits>${t("outlet.waits_for_admin")}</p>` : nothing}
      <p class="tools">
        ${store.may("POST /outlets/{name}/test") ? html`<button type="button" data-test ?disabled=${this.isOff} @click=${() => void this.test()}>${t("outlet.test")}</button>` : nothing}
        ${waits
          ? mayResume && this.mayRelease
            ? html`<button type="button" class="main" data-resume ?disabled=${this.isOff} @click=${() => void this.resume()}>${t("outlet.resume")}</button>`
            : nothing
          : store.may("POST /outlets/{name}/pause")
            ? html`<button type="button" data-pause ?disabled=${this.isOff} @click=${() => void this.pause()}>${t("outlet.pause")}</button>`
            : nothing}
      </p>
      <p class="outcome ${this.tested?.kind ?? ""}" role="status" data-tested=${this.tested?.kind ?? nothing}>${this.tested?.words ?? (this.isBusy ? t("page.loading") : nothing)}</p>
    </article>`;
  }

  private set(outlet: Outlet): TemplateResult {
    const row = (name: string, value: unknown): TemplateResult | typeof nothing => (value === "" ? nothing : html`<dt>${name}</dt><dd>${value}</dd>`);
    const mayRemove = store.may("DELETE /outlets/{name}");
    return html`<article class="card" aria-labelledby="set-title">
      <h3 id="set-title">${t("outlet.set_up")}</h3>
      <dl class="facts">
        ${row(t("outlet_field.kind"), kindWords(outlet.kind))} ${row(t("outlet_field.url"), outlet.url)} ${row(t("outlet_field.to"), outlet.to.join(", "))}
        ${row(t("outlet.which"), html`<span data-events>${eventsWords(outlet)}</span>`)} ${row(t("outlet.leaves"), html`<span data-leaves>${leavesWords(outlet)}</span>`)}
      </dl>
      ${outlet.insecure ? html`<p class="outcome unknown">${t("outlet.is_bare")}</p>` : nothing} ${outlet.commands ? html`<p class="outcome unknown">${t("outlet.takes_commands")}</p>` : nothing}
      <p class="tools">
        ${store.may("PUT /outlets/{name}") ? html`<a class="button" data-edit href=${href("site", "outlets", outlet.name, { edit: "1" })}>${t("outlet.edit")}</a>` : nothing}
        ${mayRemove ? html`<button type="button" class="danger" data-remove ?disabled=${this.isOff} @click=${() => void this.drop()}>${t("site.remove")}</button>` : nothing}
      </p>
    </article>`;
  }

  private again(): TemplateResult {
    return html`<article class="card" aria-labelledby="again-title">
      <h3 id="again-title">${t("outlet.replay")}</h3>
      <form novalidate @submit=${(event: SubmitEvent) => void this.replay(event)}>
        ${textField({ name: "replay-from", label: t("outlet.replay_from"), type: "number", value: this.from, hint: t("outlet.replay_hint"), error: this.fromError, change: (from) => ((this.from = from), (this.fromError = "")) })}
        <p class="tools"><button type="submit" data-replay ?disabled=${this.isOff}>${t("outlet.replay_now")}</button></p>
      </form>
    </article>`;
  }

  private get path(): { path: { name: string } } {
    return { path: { name: this.outlet.name } };
  }

  private async test(): Promise<void> {
    await this.during(async () => {
      this.tested = null;
      try {
        const { delivered, cause } = await call("post", "/api/v1/outlets/{name}/test", { ...this.path, timeoutMs: TEST_MS });
        this.tested = delivered ? { kind: "confirmed", words: t("outlet.test_taken") } : { kind: "refused", words: t("outlet.test_refused", { cause: cause ?? "" }) };
      } catch (error) {
        this.tested = error instanceof Problem ? { kind: "refused", words: causeWords(error) } : { kind: "unknown", words: t("outlet.test_unknown") };
      }
    });
  }

  private async pause(): Promise<void> {
    const question = { title: t("outlet.pause_title", { name: this.outlet.name }), effect: t("outlet.pause_effect"), action: t("outlet.pause") };
    if (await confirmed(question)) await this.changing(() => call("post", "/api/v1/outlets/{name}/pause", this.path), t("outlet.is_paused"));
  }

  private async resume(): Promise<void> {
    const { name, url } = this.outlet;
    const question = { title: t("outlet.resume_title", { name }), effect: t("outlet.resume_effect", { url, leaves: leavesWords(this.outlet) }), action: t("outlet.resume") };
    if (await confirmed(question)) await this.changing(() => call("post", "/api/v1/outlets/{name}/resume", this.path), t("outlet.is_resumed"));
  }

  private async replay(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const seq = Number(this.from);
    if (this.from.trim() === "" || !Number.isInteger(seq) || seq < 1) {
      this.fromError = t("outlet.no_seq");
      await this.updateComplete;
      this.querySelector<HTMLElement>("[name=replay-from]")?.focus();
      return;
    }
    const question = { title: t("outlet.replay"), effect: t("outlet.replay_effect", { seq: number(seq) }), action: t("outlet.replay_now"), isDangerous: true };
    if (!(await confirmed(question))) return;
    await this.during(async () => {
      try {
        await call("post", "/api/v1/outlets/{name}/replay", this.path, { from: seq });
        this.from = "";
        say(t("outlet.is_replayed", { seq: number(seq) }));
      } catch (error) {
        if (error instanceof Problem) this.fromError = causeWords(error);
        else say(t("outlet.unknown"), "warn");
      }
    });
  }

  private async drop(): Promise<void> {
    const { name } = this.outlet;
    const original = statedOf(this.outlet);
    const question = { title: t("outlet.remove_title", { name }), effect: t("outlet.remove_effect"), action: t("site.remove"), isDangerous: true };
    if (!(await confirmed(question))) return;
    const read = async (tagged: (tag: string) => void): Promise<typeof original> => statedOf(await call("get", "/api/v1/outlets/{name}", { ...this.path, tagged }));
    const isGone = await this.changing(() => saveUnchanged(read, original, (match) => call("delete", "/api/v1/outlets/{name}", { ...this.path, match })), t("site.is_removed"));
    if (isGone) go(href("site", "outlets"));
  }

  /** Make a change, and say what came of it; true if it was made. */
  private async changing(change: () => Promise<unknown>, done: string): Promise<boolean> {
    let isMade = false;
    await this.during(async () => {
      try {
        await change();
        isMade = true;
        say(done);
      } catch (error) {
        if (error instanceof Problem) say(causeWords(error), "bad");
        else say(t("outlet.unknown"), "warn");
      }
    });
    return isMade;
  }

  private async during(work: () => Promise<void>): Promise<void> {
    if (this.isBusy) return;
    this.isBusy = true;
    await work();
    this.isBusy = false;
    this.dispatchEvent(new CustomEvent("changed"));
  }
}

customElements.define("desk-outlet", OutletCard);

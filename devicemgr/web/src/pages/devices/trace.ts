// The latest bytes on a device's line: read once or followed; kept in memory while they are looked at.
import { html, nothing, type TemplateResult } from "lit";
import { call, type Answer } from "../../api/client";
import { StoreElement } from "../../base/element";
import { clock } from "../../base/dates";
import { t } from "../../base/i18n";
import { store } from "../../live/store";
import { problemWords } from "../../parts/words";

type Entry = Answer<"/api/v1/devices/{name}/trace", "get">["trace"][number];
const POLL_MS = 1000;
const MAX_ENTRIES = 500;

class Trace extends StoreElement {
  static override properties = { name: { attribute: false }, entries: { state: true }, isFollowing: { state: true }, error: { state: true } };
  declare name: string;
  declare entries: readonly Entry[];
  declare isFollowing: boolean;
  declare error: string;
  private turn = 0;

  constructor() {
    super();
    this.entries = [];
    this.isFollowing = false;
    this.error = "";
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.turn += 1;
  }

  override render(): TemplateResult {
    const rows = [...this.entries].reverse();
    return html`<section class="panel">
      <p>${t("devices.trace_words")}</p>
      <div class="tools">
        ${this.isFollowing
          ? html`<button type="button" class="main" data-stop @click=${() => this.stop()}>${t("devices.trace_stop")}</button>`
          : html`<button type="button" class="main" data-follow ?disabled=${store.link !== "live"} @click=${() => void this.follow()}>${t("devices.trace_follow")}</button>`}
        <button type="button" class="quiet" ?disabled=${rows.length === 0} @click=${() => (this.entries = [])}>${t("devices.trace_clear")}</button>
        <a class="button" data-download href="/api/v1/devices/${encodeURIComponent(this.name)}/trace" download="${this.name}-trace.json">${t("devices.trace_download")}</a>
      </div>
      <p class="outcome ${this.error ? "refused" : ""}" role="alert">${this.error || nothing}</p>
      ${rows.length > 0
        ? html`<div class="bytes" tabindex="0" role="region" aria-label=${t("devices.trace")}>
            <table class="list"><thead><tr><th scope="col">${t("devices.time")}</th><th scope="col">${t("devices.way")}</th><th scope="col">${t("devices.bytes")}</th></tr></thead>
            <tbody>${rows.map((row) => html`<tr><td>${clock(row.time)}</td><td>${row.way === "tx" ? t("devices.sent") : t("devices.received")}</td><td><code>${row.bytes}</code></td></tr>`)}</tbody></table>
          </div>`
        : html`<p class="empty">${this.isFollowing ? t("devices.trace_waiting") : t("devices.trace_none")}</p>`}
    </section>`;
  }

  private stop(): void {
    this.turn += 1;
    this.isFollowing = false;
  }

  private async follow(): Promise<void> {
    const turn = ++this.turn;
    this.isFollowing = true;
    this.error = "";
    while (turn === this.turn) {
      try {
        const found = await call("get", "/api/v1/devices/{name}/trace", { path: { name: this.name }, query: { after: this.entries.at(-1)?.at ?? 0 } });
        if (turn !== this.turn) return;
        if (found.trace.length > 0) this.entries = [...this.entries, ...found.trace].slice(-MAX_ENTRIES);
      } catch (error) {
        if (turn !== this.turn) return;
        this.error = problemWords(error);
        this.stop();
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }
}

customElements.define("desk-device-trace", Trace);

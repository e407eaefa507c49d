// One picture to aim a camera by: in memory while it is looked at, and nowhere else.
import { html, nothing, type TemplateResult } from "lit";
import { call } from "../../api/client";
import { StoreElement } from "../../base/element";
import { clock } from "../../base/dates";
import { t } from "../../base/i18n";
import { store } from "../../live/store";
import { problemWords } from "../../parts/words";

const SLOW_MS = 40_000;

class Look extends StoreElement {
  static override properties = { name: { attribute: false }, picture: { state: true }, error: { state: true }, isBusy: { state: true } };
  declare name: string;
  declare picture: string;
  declare error: string;
  declare isBusy: boolean;
  private takenAt = 0;

  constructor() {
    super();
    this.picture = "";
    this.error = "";
    this.isBusy = false;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.forget();
  }

  override render(): TemplateResult {
    return html`<section class="panel">
      <p>${t("devices.look_words")}</p>
      <div class="tools">
        <button type="button" class="main" data-snapshot ?disabled=${this.isBusy || store.link !== "live"} @click=${() => void this.take()}>${t("devices.look_take")}</button>
        ${this.picture ? html`<button type="button" class="quiet" data-forget @click=${() => this.forget()}>${t("devices.look_forget")}</button>` : nothing}
      </div>
      <p class="outcome ${this.error ? "refused" : ""}" role="alert">${this.error || nothing}</p>
      ${this.picture
        ? html`<figure><img src=${this.picture} alt=${t("devices.look_alt", { name: this.name })} /><figcaption>${clock(this.takenAt)}</figcaption></figure>`
        : nothing}
    </section>`;
  }

  private async take(): Promise<void> {
    if (this.isBusy) return;
    this.isBusy = true;
    this.error = "";
    try {
      const found = await call("post", "/api/v1/devices/{name}/snapshot", { path: { name: this.name }, timeoutMs: SLOW_MS });
      const bytes = Uint8Array.from(atob(found.picture), (letter) => letter.charCodeAt(0));
      this.forget();
      if (!this.isConnected) return;
      this.picture = URL.createObjectURL(new Blob([bytes], { type: "image/jpeg" }));
      this.takenAt = Date.now();
    } catch (error) {
      this.error = problemWords(error);
    } finally {
      this.isBusy = false;
    }
  }

  private forget(): void {
    if (this.picture) URL.revokeObjectURL(this.picture);
    this.picture = "";
  }
}

customElements.define("desk-device-look", Look);

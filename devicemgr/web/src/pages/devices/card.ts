// One device: its health, what it is and holds, and what a technician does with it.
import { html, nothing, type TemplateResult } from "lit";
import { call } from "../../api/client";
import type { components } from "../../api/schema";
import { StoreElement } from "../../base/element";
import { t } from "../../base/i18n";
import { Loaded } from "../../base/loaded";
import { go, href } from "../../base/router";
import { store } from "../../live/store";
import { confirmed } from "../../parts/confirm";
import { say } from "../../parts/status";
import { tabs, type Tab } from "../../parts/tabs";
import { problemWords } from "../../parts/words";
import "./form";
import "./look";
import "./setup";
import "./sync";
import "./trace";
import { health, since } from "./words";
import "./upkeep";

type Details = components["schemas"]["DeviceDetails"];

class DeviceCard extends StoreElement {
  static override properties = { name: { attribute: false }, shown: { attribute: false } };
  declare name: string;
  declare shown: string;
  private readonly device = new Loaded<Details>(this, () => call("get", "/api/v1/devices/{name}", { path: { name: this.name } }));

  override updated(changed: Map<string, unknown>): void {
    if (changed.has("name") && changed.get("name") !== undefined) void this.device.reload();
  }

  override render(): TemplateResult {
    const device = this.device.value?.name === this.name ? this.device.value : undefined;
    return html`<section class="page devices">
      <p class="back"><a href="#/devices">${t("page.devices")}</a></p>
      ${device ? this.whole(device) : html`<h2>${this.name}</h2>${this.device.notice()}`}
    </section>`;
  }

  private whole(device: Details): TemplateResult {
    const present = store.states.devices[device.name] ?? device;
    const state = store.isStale ? "unknown" : (present.state ?? "unknown");
    return html`<header class="device">
        <h2>${device.name}</h2>
        <p class="health ${state}" data-health>${health(state)}${present.since ? html` <small>${since(present.since)}</small>` : nothing}</p>
        ${present.cause && !store.isStale ? html`<p class="outcome refused">${present.cause}</p>` : nothing}
      </header>
      ${this.device.error !== null ? this.device.notice() : nothing} ${tabs(this.tabs(device), this.shown, t("devices.parts"))} ${this.body(device)}`;
  }

  private tabs(device: Details): Tab[] {
    const can = (what: string, operation: string): boolean => device.can.includes(what) && store.may(operation);
    const tab = (name: string, words: string): Tab => ({ name, words, href: href("devices", device.name, { part: name }) });
    return [
      tab("", t("devices.overview")),
      ...(can("snapshot", "POST /devices/{name}/snapshot") ? [tab("look", t("devices.look"))] : []),
      ...(can("sync", "GET /devices/{name}/sync") ? [tab("sync", t("devices.sync"))] : []),
      ...(can("provision", "POST /devices/{name}/provision/jobs") ? [tab("setup", t("devices.setup"))] : []),
      ...(can("trace", "GET /devices/{name}/trace") ? [tab("trace", t("devices.trace"))] : []),
      ...(store.may("PATCH /devices/{name}") ? [tab("edit", t("devices.edit"))] : []),
    ];
  }

  private body(device: Details): TemplateResult {
    if (this.shown === "look") return html`<desk-device-look .name=${device.name}></desk-device-look>`;
    if (this.shown === "sync") return html`<desk-device-sync .device=${device}></desk-device-sync>`;
    if (this.shown === "setup") return html`<desk-device-setup .device=${device}></desk-device-setup>`;
    if (this.shown === "trace") return html`<desk-device-trace .name=${device.name}></desk-device-trace>`;
    if (this.shown === "edit") return html`<desk-device-form .device=${device}></desk-device-form>${this.removal(device)}`;
    return html`<desk-device-upkeep .device=${device}></desk-device-upkeep>`;
  }

  private removal(device: Details): TemplateResult | typeof nothing {
    if (!store.may("DELETE /devices/{name}")) return nothing;
    return html`<section class="panel">
      <p>${t("devices.remove_words")}</p>
      <footer><button type="button" class="danger" data-remove ?disabled=${store.link !== "live"} @click=${() => void this.drop(device)}>${t("devices.remove")}</button></footer>
    </section>`;
  }

  private async drop({ name, holds }: Details): Promise<void> {
    const people = holds.held + holds.incomplete + holds.to_remove;
    const effect = people > 0 ? t("devices.remove_holding") : t("devices.remove_effect");
    const yes = await confirmed({ title: t("devices.remove_title", { name }), effect, action: t("devices.remove"), isDangerous: true, typed: { wanted: name, label: t("devices.remove_typed", { name }) } });
    if (!yes) return;
    try {
      await call("delete", "/api/v1/devices/{name}", { path: { name } });
      say(t("devices.removed", { name }));
      go("#/devices");
    } catch (error) {
      say(problemWords(error), "bad");
    }
  }
}

customElements.define("desk-device", DeviceCard);

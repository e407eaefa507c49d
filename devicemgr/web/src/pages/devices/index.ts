// The devices: what is wrong first.
import { html, nothing, type TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";
import type { DeviceState } from "../../api/types";
import { StoreElement } from "../../base/element";
import { clock, day, moment } from "../../base/dates";
import { counted, named, t } from "../../base/i18n";
import { folded } from "../../live/rows";
import { store } from "../../live/store";
import { deviceSymbol } from "../../parts/symbols";

const ORDER = ["offline", "quarantined", "degraded", "unknown", "online"];

/** Return devices with the worst first, then by name; only those whose words contain `wanted`. */
export function ordered(devices: readonly DeviceState[], wanted: string): DeviceState[] {
  const search = folded(wanted);
  const rank = (device: DeviceState): number => ORDER.indexOf(device.state);
  return devices
    .filter((device) => folded(`${device.name} ${device.kind} ${device.cause ?? ""}`).includes(search))
    .sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name));
}

class Devices extends StoreElement {
  static override properties = { search: { state: true } };
  declare search: string;

  constructor() {
    super();
    this.search = "";
  }

  override render(): TemplateResult {
    const all = Object.values(store.states.devices);
    const found = ordered(all, this.search);
    const wrong = all.filter((device) => device.state !== "online").length;
    const summary = wrong > 0 ? counted("devices.wrong", wrong) : t("devices.all_well");
    return html`<section class="page devices ${store.isStale ? "stale" : ""}">
      <div class="tools">
        <label class="search"><span class="sr">${t("devices.search")}</span><input type="search" data-search placeholder=${t("devices.search")} .value=${this.search} @input=${(event: InputEvent) => (this.search = (event.target as HTMLInputElement).value)} /></label>
        <p class="summary">${store.hasStates && all.length > 0 ? summary : nothing}</p>
      </div>
      ${found.length > 0 ? this.table(found) : html`<p class="empty">${this.emptyWords(all.length)}</p>`}
    </section>`;
  }

  private emptyWords(all: number): string {
    if (!store.hasStates) return t("live.waiting");
    return all === 0 ? t("devices.none") : t("devices.no_match");
  }

  private table(devices: DeviceState[]): TemplateResult {
    return html`<table class="list">
      <thead>
        <tr><th scope="col">${t("devices.health")}</th><th scope="col">${t("devices.name")}</th><th scope="col">${t("devices.kind")}</th><th scope="col">${t("devices.cause")}</th><th scope="col">${t("devices.since")}</th></tr>
      </thead>
      <tbody>
        ${repeat(devices, (device) => device.name, row)}
      </tbody>
    </table>`;
  }
}

function row(device: DeviceState): TemplateResult {
  const state = store.isStale ? "unknown" : device.state;
  return html`<tr class=${state} data-device=${device.name}>
    <td class="health">${deviceSymbol({ state })}${named("health", state)}</td>
    <th scope="row">${device.name}</th>
    <td class="kind">${device.kind}</td>
    <td class="cause">${device.cause}</td>
    <td class="since">${device.since ? html`<time title=${moment(device.since)}>${day(device.since)} ${clock(device.since)}</time>` : nothing}</td>
  </tr>`;
}

customElements.define("desk-devices", Devices);

// The devices: what is wrong first.
import { html, nothing, type TemplateResult } from "lit";
import type { DeviceState } from "../../api/types";
import { StoreElement } from "../../base/element";
import { counted, t } from "../../base/i18n";
import { go, href } from "../../base/router";
import { folded } from "../../live/rows";
import { store } from "../../live/store";
import { listing, type Column } from "../../parts/listing";
import { health, since } from "./words";

const ORDER = ["offline", "quarantined", "degraded", "unknown", "online"];

/** Return devices with the worst first, then by name; only those whose words contain `wanted`. */
export function ordered(devices: readonly DeviceState[], wanted: string): DeviceState[] {
  const search = folded(wanted);
  const rank = (device: DeviceState): number => ORDER.indexOf(device.state);
  return devices
    .filter((device) => folded(`${device.name} ${device.kind} ${device.cause ?? ""}`).includes(search))
    .sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name));
}

class DeviceList extends StoreElement {
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
        ${store.may("POST /discoveries/jobs") ? html`<a class="button" data-find href=${href("devices", { part: "find" })}>${t("devices.find")}</a>` : nothing}
        ${store.may("POST /devices") ? html`<a class="button" data-add href=${href("devices", { part: "add" })}>${t("devices.add")}</a>` : nothing}
        <p class="summary">${store.hasStates && all.length > 0 ? summary : nothing}</p>
      </div>
      ${this.table(found)}
    </section>`;
  }

  private emptyWords(all: number): string {
    if (!store.hasStates) return t("live.waiting");
    return all === 0 ? t("devices.none") : t("devices.no_match");
  }

  private table(devices: DeviceState[]): TemplateResult {
    const columns: Column<DeviceState>[] = [
      { title: t("devices.health"), name: "health", cell: (device) => health(shown(device)) },
      { title: t("devices.name"), isHeader: true, cell: (device) => html`<a href=${href("devices", device.name)} data-device=${device.name}>${device.name}</a>` },
      { title: t("devices.kind"), name: "kind short", cell: (device) => device.kind },
      { title: t("devices.cause"), name: "cause", cell: (device) => device.cause },
      { title: t("devices.since"), name: "since", cell: (device) => (device.since ? since(device.since) : nothing) },
    ];
    return listing({
      label: t("page.devices"),
      rows: devices,
      columns,
      key: (device) => device.name,
      tone: shown,
      open: (device) => go(href("devices", device.name)),
      empty: this.emptyWords(Object.keys(store.states.devices).length),
    }, this.search);
  }
}

function shown(device: DeviceState): string {
  return store.isStale ? "unknown" : device.state;
}

customElements.define("desk-device-list", DeviceList);

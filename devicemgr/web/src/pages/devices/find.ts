// A search of the network and the serial ports: what was found is chosen to be added.
import { html, nothing, type TemplateResult } from "lit";
import { call } from "../../api/client";
import { StoreElement } from "../../base/element";
import { counted, t } from "../../base/i18n";
import { Job } from "../../base/job";
import { href } from "../../base/router";
import { store } from "../../live/store";
import { textArea, textField } from "../../parts/fields";
import { listing } from "../../parts/listing";

interface Found {
  kind: string;
  address: string;
  model: string;
  serial: string;
  name: string;
  note: string;
  options: Record<string, string>;
  known: string | null;
}
interface Discovery {
  found: Found[];
  notes: string[];
}

const SERIAL = "serial";
const MAX_SECONDS = 60;
/** Without the search of a line, all that answers by itself has answered after this time. */
const SECONDS = "5";

class Find extends StoreElement {
  static override properties = { seconds: { state: true }, hosts: { state: true }, line: { state: true } };
  declare seconds: string;
  declare hosts: string;
  declare line: string;
  private readonly job = new Job<Discovery>(this, "discovery");

  constructor() {
    super();
    this.seconds = SECONDS;
    this.hosts = "";
    this.line = "";
  }

  override render(): TemplateResult {
    const isOff = store.link !== "live" || this.job.isRunning;
    return html`<section class="page devices">
      <p class="back"><a href="#/devices">${t("page.devices")}</a></p>
      <h2>${t("devices.find_title")}</h2>
      <form class="panel" @submit=${(event: SubmitEvent) => this.submit(event)}>
        <p>${t("devices.find_words")}</p>
        ${textField({ name: "seconds", label: t("devices.seconds"), type: "number", value: this.seconds, isRequired: true, change: (value) => (this.seconds = value) })}
        ${textArea({ name: "hosts", label: t("devices.hosts"), hint: t("devices.hosts_hint"), rows: 2, value: this.hosts, isDisabled: this.line !== "", change: (value) => (this.hosts = value) })}
        ${textField({ name: "line", label: t("devices.line"), hint: t("devices.line_hint"), value: this.line, change: (value) => (this.line = value) })}
        <footer><button class="main" data-search-now ?disabled=${isOff}>${t("devices.find_now")}</button></footer>
      </form>
      <div aria-live="polite">${this.job.view()} ${this.found()}</div>
    </section>`;
  }

  private found(): TemplateResult | typeof nothing {
    const { result } = this.job;
    if (!result || this.job.state?.phase !== "done") return nothing;
    return html`<h2>${counted("devices.found", result.found.length)}</h2>
      ${listing<Found>({
        label: t("devices.find_title"),
        rows: result.found,
        key: (row) => `${row.kind} ${row.address} ${row.options["unit"] ?? ""}`,
        columns: [
          { title: t("devices.address"), isHeader: true, cell: (row) => row.address },
          { title: t("devices.kind"), cell: (row) => row.kind },
          { title: t("devices.model"), cell: (row) => [row.model, row.name, row.serial].filter(Boolean).join(" · ") },
          { title: t("devices.note"), name: "cause", cell: (row) => row.note },
          { title: "", cell: (row) => choice(row) },
        ],
        empty: t("devices.found_none"),
      })}
      ${result.notes.length > 0 ? html`<h3>${t("devices.notes")}</h3><ul class="notes">${result.notes.map((note) => html`<li>${note}</li>`)}</ul>` : nothing}`;
  }

  private submit(event: SubmitEvent): void {
    event.preventDefault();
    const seconds = Math.min(MAX_SECONDS, Math.max(0.2, Number(this.seconds.replace(",", ".")) || Number(SECONDS)));
    const hosts = this.line ? [] : this.hosts.split(/[\s,;]+/).filter(Boolean);
    const body = { seconds, hosts, line: this.line.trim() || null };
    void this.job.begin(() => call("post", "/api/v1/discoveries/jobs", {}, body));
  }
}

function choice(row: Found): TemplateResult {
  if (row.known) return html`<a href=${href("devices", row.known)}>${t("devices.known", { name: row.known })}</a>`;
  if (!store.may("POST /devices")) return html`–`;
  const kind = row.kind === SERIAL ? "" : row.kind;
  const options = Object.keys(row.options).length > 0 ? JSON.stringify(row.options) : "";
  return html`<a class="button" data-choose href=${href("devices", { part: "add", kind, address: row.address, options })}>${t("devices.choose")}</a>`;
}

customElements.define("desk-device-find", Find);

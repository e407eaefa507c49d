// A device to add, or other fields of one: its password is entered, sent and forgotten; a certificate is compared and pinned.
import { html, nothing, type TemplateResult } from "lit";
import { call, type Answer } from "../../api/client";
import type { components } from "../../api/schema";
import { StoreElement } from "../../base/element";
import { t } from "../../base/i18n";
import { Loaded } from "../../base/loaded";
import { go, href, query } from "../../base/router";
import { store } from "../../live/store";
import { selectField, textField } from "../../parts/fields";
import { say } from "../../parts/status";
import { problemWords } from "../../parts/words";
import { certificate, type Certificate } from "./certificate";
import { given, valueWords } from "./words";

type Driver = Answer<"/api/v1/drivers", "get">[number];
type Device = components["schemas"]["DeviceDetails"];
const PIN = "tls_fingerprint";

class DeviceForm extends StoreElement {
  static override properties = { device: { attribute: false }, fields: { state: true }, error: { state: true }, isBusy: { state: true }, shown: { state: true } };
  /** The device that is edited; nothing for one to add. */
  declare device: Device | undefined;
  declare fields: { name: string; driver: string; address: string; username: string; password: string; profile: string };
  declare error: string;
  declare isBusy: boolean;
  /** The certificate that the address shows. */
  declare shown: Certificate | null;
  private readonly options = new Map<string, string>();
  private readonly drivers = new Loaded<Driver[]>(this, () => call("get", "/api/v1/drivers"), false);
  private readonly profiles = new Loaded(this, () => call("get", "/api/v1/profiles"), false);

  constructor() {
    super();
    this.fields = { name: "", driver: "", address: "", username: "", password: "", profile: "" };
    this.error = "";
    this.isBusy = false;
    this.shown = null;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    const { device } = this;
    if (device) {
      this.fields = { name: device.name, driver: device.driver, address: device.address, username: device.username ?? "", password: "", profile: device.profile ?? "" };
      this.choose(device.options);
    } else {
      const chosen = query();
      this.fields = { ...this.fields, driver: chosen.get("kind") ?? "", address: chosen.get("address") ?? "" };
      this.choose(parsed(chosen.get("options")));
    }
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.fields = { ...this.fields, password: "" };
  }

  override firstUpdated(): void {
    this.querySelector("h2")?.focus();
  }

  override render(): TemplateResult {
    const { device, fields } = this;
    const drivers = this.drivers.value ?? [];
    const driver = drivers.find((one) => one.kind === fields.driver);
    return html`<section class=${device ? nothing : "page devices"}>
      ${device ? nothing : html`<p class="back"><a href="#/devices">${t("page.devices")}</a></p>`}
      <h2 tabindex="-1">${device ? t("devices.edit_title", { name: device.name }) : t("devices.add_title")}</h2>
      ${this.drivers.notice()}
      <form class="panel" autocomplete="off" @submit=${(event: SubmitEvent) => void this.submit(event)}>
        ${device
          ? nothing
          : html`${textField({ name: "device", label: t("devices.name"), hint: t("devices.name_hint"), value: fields.name, max: 63, isRequired: true, change: (name) => this.set({ name }) })}
            ${selectField({ name: "driver", label: t("devices.kind"), value: fields.driver, isRequired: true, options: [["", t("devices.kind_choose")], ...drivers.map((one) => [one.kind, `${one.kind} – ${one.title}`] as const)], change: (kind) => this.set({ driver: kind }) })}`}
        ${textField({ name: "address", label: t("devices.address"), value: fields.address, max: 300, isRequired: true, change: (address) => this.set({ address }) })}
        ${this.certificate(driver)}
        ${textField({ name: "user", label: t("devices.username"), value: fields.username, max: 64, change: (username) => this.set({ username }) })}
        ${textField({ name: "secret", label: t("devices.password"), type: "password", hint: device?.has_password ? t("devices.password_kept") : t("devices.password_hint"), value: fields.password, change: (password) => this.set({ password }) })}
        ${this.profileField()} ${this.optionFields(driver)}
        <p class="outcome ${this.error ? "refused" : ""}" role="alert">${this.error || nothing}</p>
        <footer>
          <a class="button" href=${device ? href("devices", device.name) : "#/devices"}>${t("action.cancel")}</a>
          <button class="main" data-save ?disabled=${this.isBusy || store.link !== "live"}>${device ? t("devices.save") : t("devices.add_now")}</button>
        </footer>
      </form>
    </section>`;
  }

  private certificate(driver: Driver | undefined): TemplateResult | typeof nothing {
    if (!this.fields.address.startsWith("https://") || !store.may("POST /certificates")) return nothing;
    if (driver && !driver.options.some((option) => option.name === PIN)) return nothing;
    const pinned = this.options.get(PIN) ?? "";
    return html`<div class="pin">
      <button type="button" data-certificate ?disabled=${this.isBusy} @click=${() => void this.look()}>${t("devices.certificate_show")}</button>
      ${this.shown
        ? certificate(this.shown, pinned, () => {
            this.options.set(PIN, this.shown?.fingerprint ?? "");
            this.requestUpdate();
          })
        : nothing}
    </div>`;
  }

  private profileField(): TemplateResult | typeof nothing {
    const profiles = this.profiles.value ?? [];
    if (profiles.length === 0) return nothing;
    return selectField({ name: "profile", label: t("devices.profile"), value: this.fields.profile, options: [["", t("devices.profile_none")], ...profiles.map((one) => [one.name, one.name] as const)], change: (profile) => this.set({ profile }) });
  }

  private optionFields(driver: Driver | undefined): TemplateResult | typeof nothing {
    if (!driver || driver.options.length === 0) return nothing;
    const isFirst = (option: Driver["options"][number]): boolean => option.required || this.options.has(option.name);
    const rest = driver.options.filter((option) => !isFirst(option));
    return html`${driver.options.filter(isFirst).map((option) => this.optionField(option))}
      ${rest.length > 0 ? html`<details><summary>${t("devices.more_options")}</summary>${rest.map((option) => this.optionField(option))}</details>` : nothing}`;
  }

  private optionField(option: Driver["options"][number]): TemplateResult {
    const { name } = option;
    const value = this.options.get(name) ?? "";
    const change = (typed: string): void => void this.options.set(name, typed);
    const field = { name: `option-${name}`, label: name.replaceAll("_", " "), value, hint: option.description, isRequired: option.required, change };
    const choices = option.choices ?? (typeof option.default === "boolean" ? [true, false] : null);
    const usual = valueWords(option.default);
    if (choices) return selectField({ ...field, options: [["", t("devices.usual", { value: usual })], ...choices.map((one) => [String(one), String(one)] as const)] });
    return textField({ ...field, max: 1000, placeholder: option.required ? "" : t("devices.usual", { value: usual }) });
  }

  private set(part: Partial<DeviceForm["fields"]>): void {
    this.fields = { ...this.fields, ...part };
    if (part.address !== undefined) this.shown = null;
  }

  private choose(options: Record<string, unknown>): void {
    this.options.clear();
    for (const [name, value] of Object.entries(options)) this.options.set(name, typeof value === "string" ? value : JSON.stringify(value));
  }

  private async look(): Promise<void> {
    await this.sending(async () => {
      this.shown = await call("post", "/api/v1/certificates", {}, { address: this.fields.address.trim() });
    });
  }

  private async submit(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const { name, driver, profile, ...fields } = this.fields;
    const options = given(this.options);
    const password = fields.password === "" ? {} : { password: fields.password };
    const known = { address: fields.address.trim(), ...(fields.username.trim() ? { username: fields.username.trim() } : {}), ...password };
    await this.sending(async () => {
      const { device } = this;
      if (device) {
        const gone = Object.keys(device.options).filter((option) => !(option in options));
        const changed = { ...options, ...Object.fromEntries(gone.map((option) => [option, null])) };
        await call("patch", "/api/v1/devices/{name}", { path: { name } }, { ...known, options: changed, ...(profile !== (device.profile ?? "") ? { profile } : {}) });
        say(t("devices.saved", { name }));
      } else {
        await call("post", "/api/v1/devices", {}, { name: name.trim(), driver, ...known, options, ...(profile ? { profile } : {}) });
        say(t("devices.added", { name }));
      }
      this.fields = { ...this.fields, password: "" };
      go(href("devices", name.trim()));
    });
  }

  private async sending(work: () => Promise<void>): Promise<void> {
    if (this.isBusy) return;
    this.isBusy = true;
    this.error = "";
    try {
      await work();
    } catch (error) {
      this.error = problemWords(error);
    } finally {
      this.isBusy = false;
    }
  }
}

function parsed(options: string | null): Record<string, unknown> {
  try {
    const found: unknown = JSON.parse(options ?? "{}");
    return typeof found === "object" && found !== null && !Array.isArray(found) ? (found as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

customElements.define("desk-device-form", DeviceForm);

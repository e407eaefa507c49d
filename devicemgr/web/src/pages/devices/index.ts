// Devices: the list, one device, a search of the network, a device to add.
import { html, type TemplateResult } from "lit";
import { StoreElement } from "../../base/element";
import { query } from "../../base/router";
import "./card";
import "../../styles/devices.css";
import "./find";
import "./form";
import "./list";

class Devices extends StoreElement {
  static override properties = { rest: { attribute: false } };
  declare rest: readonly string[];

  constructor() {
    super();
    this.rest = [];
  }

  override render(): TemplateResult {
    const [name] = this.rest;
    const part = query().get("part");
    if (name !== undefined) return html`<desk-device .name=${name} .shown=${part ?? ""}></desk-device>`;
    if (part === "find") return html`<desk-device-find></desk-device-find>`;
    if (part === "add") return html`<desk-device-form></desk-device-form>`;
    return html`<desk-device-list></desk-device-list>`;
  }
}

customElements.define("desk-devices", Devices);

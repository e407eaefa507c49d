// Outlets: where events leave to, how far behind each is, and why; one at an address of its own.
import { html, nothing, type TemplateResult } from "lit";
import { call } from "../../../api/client";
import { StoreElement } from "../../../base/element";
import { counted, named, t } from "../../../base/i18n";
import { Loaded } from "../../../base/loaded";
import { go, href, query } from "../../../base/router";
import { folded } from "../../../live/rows";
import { store } from "../../../live/store";
import { listing, type Column } from "../../../parts/listing";
import { say } from "../../../parts/status";
import "../editing/editor";
import type { Form } from "../editing/editor";
import { text, type FormField, type Values } from "../editing/form";
import { saveUnchanged } from "../editing/guard";
import { causeWords } from "../editing/words";
import { NEW, fieldsOf, statedOf, taken, valuesOf, type Kind, type Outlet, type Stated } from "./fields";
import "./one";
import { makeSecret } from "./secret";
import "./outlets.css";
import { behindWords, kindWords, stateWords } from "./words";

/** How far behind an outlet is changes with each event, and no revision tells of it. */
const POLL_MS = 5000;

class Outlets extends StoreElement {
  static override properties = { rest: { attribute: false }, search: { state: true }, form: { state: true } };
  declare rest: readonly string[];
  declare search: string;
  declare form: Form | null;
  private readonly loaded = new Loaded<Outlet[]>(this, () => call("get", "/api/v1/outlets"));
  private timer: ReturnType<typeof setInterval> | undefined;
  /** For what the editor is open. */
  private opened = "";
  /** The outlet that was just added. */
  private made = "";

  constructor() {
    super();
    this.rest = [];
    this.search = "";
    this.form = null;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.timer = setInterval(() => {
      if (store.link === "live" && document.visibilityState === "visible") void this.loaded.reload();
    }, POLL_MS);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearInterval(this.timer);
  }

  private get name(): string {
    return this.rest[0] ?? "";
  }

  override updated(): void {
    const wanted = query();
    const isNew = this.name === "" && wanted.has("new") && store.may("POST /outlets");
    const isEdited = this.name !== "" && wanted.has("edit") && store.may("PUT /outlets/{name}");
    const opened = isNew ? "?new" : isEdited ? this.name : "";
    if (opened === this.opened || (opened !== "" && this.loaded.value === undefined)) return;
    this.opened = opened;
    if (opened === "") this.form = null;
    else void this.open(isNew ? null : this.name);
  }

  /** Fill the editor with the outlet as it is now: only what was not changed since is saved. */
  private async open(name: string | null): Promise<void> {
    try {
      const portals = (await call("get", "/api/v1/portals")).map((one) => one.name);
      this.form = name === null ? this.addition(portals) : this.edition(name, portals, statedOf(await call("get", "/api/v1/outlets/{name}", { path: { name } })));
    } catch (error) {
      say(causeWords(error), "bad");
      go(href("site", "outlets"));
    }
  }

  private addition(portals: readonly string[]): Form {
    const names = (this.loaded.value ?? []).map((one) => one.name);
    const name: FormField = { name: "name", kind: "text", isRequired: true, isSlug: true, label: t("site.name"), check: (value) => (names.includes(text(value)) ? t("site.name_taken") : undefined) };
    return { title: t("outlet.add"), fields: [name, ...fieldsOf(undefined, portals)], values: NEW, save: (values) => this.add(values) };
  }

  private async add(values: Values): Promise<void> {
    const kind = text(values["kind"]) as Kind;
    const { name } = await call("post", "/api/v1/outlets", {}, { name: text(values["name"]), ...taken(values, kind) });
    this.made = name;
    // Without it a webhook would prove nothing; where it fails, the card says that there is none.
    if (kind === "webhook" && store.may("PUT /outlets/{name}/secret")) await makeSecret(name).catch(() => undefined);
  }

  private edition(name: string, portals: readonly string[], original: Stated): Form {
    const path = { name };
    const read = async (tagged: (tag: string) => void): Promise<Stated> => statedOf(await call("get", "/api/v1/outlets/{name}", { path, tagged }));
    return {
      title: t("outlet.edit_title", { name }),
      fields: fieldsOf(original.kind, portals),
      values: valuesOf(original),
      save: (values) => saveUnchanged(read, original, (match) => call("put", "/api/v1/outlets/{name}", { path, match }, taken(values, original.kind))),
    };
  }

  private closed(): void {
    const name = this.name || this.made;
    this.form = null;
    this.made = "";
    void this.loaded.reload();
    go(name === "" ? href("site", "outlets") : href("site", "outlets", name));
  }

  override render(): TemplateResult {
    const all = this.loaded.value;
    return html`${all && this.name !== "" ? this.one(all) : this.list(all)}
      ${this.form ? html`<desk-site-editor .form=${this.form} @closed=${() => this.closed()}></desk-site-editor>` : nothing}`;
  }

  private one(all: readonly Outlet[]): TemplateResult {
    const outlet = all.find((one) => one.name === this.name);
    if (outlet) return html`${this.loaded.error !== null ? this.loaded.notice() : nothing}<desk-outlet .outlet=${outlet} @changed=${() => void this.loaded.reload()}></desk-outlet>`;
    return html`<p class="empty">${this.loaded.isLoading ? t("page.loading") : t("site.no_such", { name: this.name })} <a href=${href("site", "outlets")}>${t("site_tab.outlets")}</a></p>`;
  }

  private list(all: readonly Outlet[] | undefined): TemplateResult {
    const wanted = folded(this.search);
    const rows = (all ?? []).filter((one) => folded(`${one.name} ${kindWords(one.kind)} ${one.url} ${one.cause ?? ""}`).includes(wanted));
    return html`<div class="tools">
        <label class="search"><span class="sr">${t("site.search")}</span><input type="search" data-search placeholder=${t("site.search")} .value=${this.search} @input=${(event: InputEvent) => (this.search = (event.target as HTMLInputElement).value)} /></label>
        <p class="summary">${all ? counted("site.count", rows.length) : nothing}</p>
        ${store.may("POST /outlets") ? html`<a class="button" data-add href=${href("site", "outlets", { new: "1" })}>${t("outlet.add")}</a>` : nothing}
      </div>
      ${this.loaded.notice()}
      ${all ? listing<Outlet>({ label: t("site_tab.outlets"), rows, key: (one) => one.name, isTitled: true, columns: columns(), tone: (one) => (one.state === "stopped" ? "bad" : one.state === "failing" ? "warn" : ""), open: (one) => go(href("site", "outlets", one.name)), empty: all.length === 0 ? t("outlet.none") : t("site.no_match") }, this.search) : nothing}`;
  }
}

function columns(): Column<Outlet>[] {
  return [
    { title: t("site.name"), isHeader: true, cell: (one) => one.name },
    { title: t("outlet_field.kind"), cell: (one) => named("outlet_kind", one.kind) },
    { title: t("outlet_field.url"), cell: (one) => one.url },
    { title: t("outlet.state"), name: "short", cell: stateWords },
    { title: t("outlet.behind_title"), cell: behindWords },
    { title: t("outlet.cause"), name: "cause", cell: (one) => one.cause ?? nothing },
  ];
}

customElements.define("desk-site-outlets", Outlets);

// A tab of the site: a list with a filter, and a dialog for each entry at an address of its own.
import { html, nothing, type TemplateResult } from "lit";
import { StoreElement } from "../../../base/element";
import { counted, t } from "../../../base/i18n";
import { Loaded } from "../../../base/loaded";
import { go, href, query } from "../../../base/router";
import { folded } from "../../../live/rows";
import { store } from "../../../live/store";
import { listing, type Column } from "../../../parts/listing";
import { say } from "../../../parts/status";
import "./editor";
import type { Form } from "./editor";
import { causeWords } from "./words";

const NEW = "?new";

export abstract class Entities<Row extends { name: string }> extends StoreElement {
  static override properties = { rest: { attribute: false }, search: { state: true }, form: { state: true } };
  declare rest: readonly string[];
  declare search: string;
  declare form: Form | null;
  protected readonly loaded: Loaded<Row[]>;
  private opened: string | null = null;

  constructor() {
    super();
    this.rest = [];
    this.search = "";
    this.form = null;
    this.loaded = new Loaded<Row[]>(this, () => this.read());
  }

  /** The name of the tab in the address. */
  protected abstract readonly tab: string;
  /** The operation that adds one, such as `POST /zones`. */
  protected abstract readonly adds: string;
  protected abstract read(): Promise<Row[]>;
  protected abstract columns(): readonly Column<Row>[];
  /** Return the form of an entry, or of a new one. */
  protected abstract formOf(row: Row | null): Promise<Form>;
  protected abstract words(): { label: string; add: string; empty: string };

  /** Return what the filter looks through. */
  protected text(row: Row): string {
    return Object.values(row).flat().join(" ");
  }

  /** Return what stands above the list. */
  protected above(): TemplateResult | typeof nothing {
    return nothing;
  }

  override updated(): void {
    const wanted = this.rest[0] ?? (query().has("new") && store.may(this.adds) ? NEW : null);
    if (wanted === this.opened || (wanted !== null && this.loaded.value === undefined)) return;
    this.opened = wanted;
    if (wanted === null) this.form = null;
    else void this.open(wanted);
  }

  private async open(wanted: string): Promise<void> {
    // As it is now, not as it was listed: only what was not changed since is saved.
    if (wanted !== NEW) await this.loaded.reload();
    const row = this.loaded.value?.find((one) => one.name === wanted) ?? null;
    if (row === null && wanted !== NEW) {
      say(t("site.no_such", { name: wanted }), "warn");
      this.back();
      return;
    }
    try {
      const form = await this.formOf(row);
      if (this.opened === wanted) this.form = form;
    } catch (error) {
      say(causeWords(error), "bad");
      this.back();
    }
  }

  private back(): void {
    go(href("site", this.tab));
  }

  private closed(): void {
    const name = this.opened;
    this.form = null;
    void this.loaded.reload();
    this.back();
    // The dialog gives the focus back to what opened it, if that is still there.
    if (document.activeElement === document.body && name !== null) this.querySelector<HTMLElement>(`[data-row="${CSS.escape(name)}"]`)?.focus();
  }

  override render(): TemplateResult {
    const words = this.words();
    const all = this.loaded.value;
    const wanted = folded(this.search);
    const rows = (all ?? []).filter((row) => folded(this.text(row)).includes(wanted));
    return html`<div class="tools">
        <label class="search"><span class="sr">${t("site.search")}</span><input type="search" data-search placeholder=${t("site.search")} .value=${this.search} @input=${(event: InputEvent) => (this.search = (event.target as HTMLInputElement).value)} /></label>
        <p class="summary">${all ? counted("site.count", rows.length) : nothing}</p>
        ${store.may(this.adds) ? html`<a class="button" data-add href=${href("site", this.tab, { new: "1" })}>${words.add}</a>` : nothing}
      </div>
      ${this.above()} ${this.loaded.notice()}
      ${all ? listing<Row>({ label: words.label, rows, key: (row) => row.name, isTitled: true, columns: this.columns(), open: (row) => go(href("site", this.tab, row.name)), empty: all.length === 0 ? words.empty : t("site.no_match") }, this.search) : nothing}
      ${this.form ? html`<desk-site-editor .form=${this.form} @closed=${() => this.closed()}></desk-site-editor>` : nothing}`;
  }
}

// One thing of the site in a dialog: its fields, what is wrong beside each, saved only over what was read.
import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { Problem } from "../../../api/client";
import { StoreElement, whenClosed } from "../../../base/element";
import { t } from "../../../base/i18n";
import { store } from "../../../live/store";
import { confirmed } from "../../../parts/confirm";
import { checkField, selectField, textField } from "../../../parts/fields";
import { say } from "../../../parts/status";
import { checked, fieldOf, list, text, type FormField, type Values } from "./form";
import type { Names } from "./names";
import "./names";
import { causeWords, fieldWords, hintWords } from "./words";

export interface Form {
  title: string;
  fields: readonly FormField[];
  values: Values;
  /** Absent for those who may only look. */
  save?: ((values: Values) => Promise<unknown>) | undefined;
  /** Shown before it can be saved: what the change does. */
  preview?: (values: Values) => Promise<TemplateResult>;
  remove?: { effect: string; run: () => Promise<unknown> } | undefined;
  /** What is below the fields. */
  more?: TemplateResult;
}

const FIRST = "form :is(input, select, textarea):enabled, form [role=gridcell][tabindex=\"0\"], [data-close]";

class Editor extends StoreElement {
  static override properties = { form: { attribute: false }, values: { state: true }, errors: { state: true }, error: { state: true }, isBusy: { state: true }, seen: { state: true } };
  declare form: Form;
  declare values: Values;
  declare errors: ReadonlyMap<string, string>;
  declare error: unknown;
  declare isBusy: boolean;
  /** What the present values would do. */
  declare seen: TemplateResult | null;

  constructor() {
    super();
    this.values = {};
    this.errors = new Map();
    this.error = null;
    this.isBusy = false;
    this.seen = null;
  }

  override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has("form")) this.values = { ...this.form.values };
  }

  override firstUpdated(): void {
    this.querySelector("dialog")?.showModal();
    // Once the fields that are elements of their own are drawn too.
    requestAnimationFrame(() => this.querySelector<HTMLElement>(FIRST)?.focus());
  }

  override render(): TemplateResult {
    const { form } = this;
    const isOff = this.isBusy || store.link === "away";
    return html`<dialog class="editor" aria-labelledby="editor-title" data-editor @close=${whenClosed(() => this.closed())}>
      <form method="dialog" novalidate @submit=${(event: SubmitEvent) => void this.submit(event)}>
        <h2 id="editor-title">${form.title}</h2>
        ${form.fields.filter((field) => field.isShown?.(this.values) ?? true).map((field) => this.field(field))} ${form.more ?? nothing}
        ${this.error !== null ? html`<p class="outcome refused" role="alert" data-refused>${causeWords(this.error)}</p>` : nothing}
        ${this.seen ?? nothing}
        <footer>
          ${form.remove ? html`<button type="button" class="danger" data-remove ?disabled=${isOff} @click=${() => void this.take()}>${t("site.remove")}</button>` : nothing}
          <button type="button" class="quiet" data-close @click=${() => this.close()}>${t(form.save ? "action.cancel" : "action.close")}</button>
          ${form.save ? html`<button type="submit" class="main" data-save ?disabled=${isOff}>${t(form.preview && !this.seen ? "site.plan_it" : "site.save")}</button>` : nothing}
        </footer>
      </form>
    </dialog>`;
  }

  private field(field: FormField): TemplateResult {
    const common = { name: field.name, label: field.label ?? fieldWords(field.name), hint: field.hint ?? hintWords(field.name), error: this.errors.get(field.name), isDisabled: !this.form.save, isRequired: field.isRequired ?? false };
    const value = this.values[field.name];
    const change = (found: unknown): void => this.set(field.name, found);
    switch (field.kind) {
      case "check":
        return html`<div class="field">${checkField({ ...common, isOn: value === true, change })}${common.hint ? html`<small class="hint">${common.hint}</small>` : nothing}</div>`;
      case "select":
        return selectField({ ...common, value: text(value), options: field.options ?? [], change });
      case "names":
        return html`<desk-names .label=${common.label} .name=${field.name} .hint=${common.hint} .value=${list(value)} .offered=${field.offered ?? []} .words=${field.words ?? ((name: string) => name)} .isOpen=${field.isOpen ?? false} .isDisabled=${common.isDisabled} .error=${common.error} @names=${(event: CustomEvent<string[]>) => change(event.detail)}></desk-names>`;
      case "own":
        return field.own?.({ value, change, isDisabled: common.isDisabled, error: common.error }) ?? html``;
      default:
        return textField({ ...common, type: field.kind, value: text(value), change, ...(field.offered ? { offered: field.offered } : {}) });
    }
  }

  private set(name: string, value: unknown): void {
    this.values = { ...this.values, [name]: value };
    this.seen = null;
    this.error = null;
    if (this.errors.has(name)) this.errors = new Map([...this.errors].filter(([field]) => field !== name));
  }

  private async submit(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const { form } = this;
    const areSettled = [...this.querySelectorAll<Names & HTMLElement>("desk-names")].map((names) => names.settle()).every(Boolean);
    const { values, errors } = checked(form.fields, this.values);
    this.errors = errors;
    if (!areSettled || errors.size > 0) {
      await this.updateComplete;
      this.querySelector<HTMLElement>("[aria-invalid=true]")?.focus();
      return;
    }
    if (form.preview && !this.seen) await this.during(async () => void (this.seen = (await form.preview?.(values)) ?? null));
    else
      await this.during(async () => {
        await form.save?.(values);
        say(t("site.saved"));
        this.close();
      });
  }

  private async take(): Promise<void> {
    const { remove, title } = this.form;
    if (!remove || !(await confirmed({ title, effect: remove.effect, action: t("site.remove"), isDangerous: true }))) return;
    await this.during(async () => {
      await remove.run();
      say(t("site.is_removed"));
      this.close();
    });
  }

  private async during(work: () => Promise<void>): Promise<void> {
    if (this.isBusy) return;
    this.isBusy = true;
    this.error = null;
    try {
      await work();
    } catch (error) {
      const name = error instanceof Problem ? fieldOf(this.form.fields, error) : undefined;
      if (name !== undefined && error instanceof Problem) this.errors = new Map([...this.errors, [name, error.detail.replace(/^[\w.]+: /, "")]]);
      else this.error = error;
      await this.updateComplete;
      this.querySelector<HTMLElement>("[aria-invalid=true]")?.focus();
    }
    this.isBusy = false;
  }

  private close(): void {
    this.querySelector("dialog")?.close();
  }

  private closed(): void {
    this.dispatchEvent(new CustomEvent("closed"));
  }
}

customElements.define("desk-site-editor", Editor);

// Fields of forms: a label, what is to be known of it, and what is wrong with it, bound for screen readers.
import { html, nothing, type TemplateResult } from "lit";
import { live } from "lit/directives/live.js";

export interface Field {
  /** Unique on the page. */
  name: string;
  label: string;
  value: string;
  hint?: string;
  /** What is wrong with the value, and what to do. */
  error?: string | undefined;
  isRequired?: boolean;
  isDisabled?: boolean;
  change: (value: string) => void;
}

export interface TextField extends Field {
  type?: "text" | "search" | "password" | "number" | "date" | "time" | "datetime-local" | "url" | "email";
  max?: number;
  placeholder?: string;
  /** Names to choose from while one types. */
  offered?: readonly string[];
}

export function textField(field: TextField): TemplateResult {
  const list = field.offered ? `${field.name}-offered` : undefined;
  return framed(
    field,
    html`<input
        name=${field.name}
        type=${field.type ?? "text"}
        autocomplete=${field.type === "password" ? "new-password" : "off"}
        maxlength=${field.max ?? 256}
        placeholder=${field.placeholder ?? nothing}
        list=${list ?? nothing}
        ?required=${field.isRequired}
        ?disabled=${field.isDisabled}
        aria-describedby=${described(field)}
        aria-invalid=${field.error ? "true" : nothing}
        .value=${live(field.value)}
        @input=${(event: InputEvent) => field.change((event.target as HTMLInputElement).value)}
      />${list ? html`<datalist id=${list}>${field.offered?.map((one) => html`<option value=${one}></option>`)}</datalist>` : nothing}`,
  );
}

export function textArea(field: Field & { rows?: number }): TemplateResult {
  return framed(
    field,
    html`<textarea
      name=${field.name}
      rows=${field.rows ?? 6}
      spellcheck="false"
      ?required=${field.isRequired}
      ?disabled=${field.isDisabled}
      aria-describedby=${described(field)}
      aria-invalid=${field.error ? "true" : nothing}
      .value=${live(field.value)}
      @input=${(event: InputEvent) => field.change((event.target as HTMLTextAreaElement).value)}
    ></textarea>`,
  );
}

/** A choice of one: pairs of value and words. */
export function selectField(field: Field & { options: readonly (readonly [value: string, words: string])[] }): TemplateResult {
  return framed(
    field,
    html`<select
      name=${field.name}
      ?required=${field.isRequired}
      ?disabled=${field.isDisabled}
      aria-describedby=${described(field)}
      aria-invalid=${field.error ? "true" : nothing}
      @change=${(event: Event) => field.change((event.target as HTMLSelectElement).value)}
    >
      ${field.options.map(([value, words]) => html`<option value=${value} ?selected=${value === field.value}>${words}</option>`)}
    </select>`,
  );
}

export function checkField(field: Pick<Field, "name" | "label" | "isDisabled"> & { isOn: boolean; change: (isOn: boolean) => void }): TemplateResult {
  return html`<label class="check"
    ><input type="checkbox" name=${field.name} ?disabled=${field.isDisabled} .checked=${live(field.isOn)} @change=${(event: Event) => field.change((event.target as HTMLInputElement).checked)} />
    ${field.label}</label
  >`;
}

function framed(field: Field, control: TemplateResult): TemplateResult {
  return html`<div class="field">
    <label>${field.label}${control}</label>
    ${field.hint ? html`<small id="${field.name}-hint" class="hint">${field.hint}</small>` : nothing}
    ${field.error ? html`<small id="${field.name}-error" class="error" role="alert">${field.error}</small>` : nothing}
  </div>`;
}

function described(field: Field): string | typeof nothing {
  const ids = [field.hint ? `${field.name}-hint` : "", field.error ? `${field.name}-error` : ""].filter(Boolean);
  return ids.length > 0 ? ids.join(" ") : nothing;
}

// Choose or drop a file, and how it is read.
import { html, type TemplateResult } from "lit";
import { named, t } from "../../../base/i18n";
import { checkField, selectField } from "../../../parts/fields";

export interface Choice {
  update: boolean;
  missing: string;
  encoding: string;
}

const ENCODINGS = ["", "utf-8", "utf-16", "cp1251", "cp866"] as const;
const TYPES = ".csv,.tsv,.xlsx,.json,.zip";

export function chooser(choice: Choice, isOff: boolean, change: (change: Partial<Choice>) => void, take: (file: File) => void): TemplateResult {
  const missing = ["keep", "suspend", "remove"] as const;
  return html`<form @submit=${(event: SubmitEvent) => event.preventDefault()}>
    <p class="soft">${t("import.intro")}</p>
    ${checkField({ name: "update", label: t("import.update"), isOn: choice.update, isDisabled: isOff, change: (update) => change({ update }) })}
    <details>
      <summary>${t("import.more")}</summary>
      ${selectField({ name: "missing", label: t("import.missing"), value: choice.missing, options: missing.map((one) => [one, named("import_missing", one)] as const), isDisabled: isOff, change: (value) => change({ missing: value }) })}
      ${selectField({ name: "encoding", label: t("import.encoding"), value: choice.encoding, options: ENCODINGS.map((one) => [one, one || t("import.encoding_auto")] as const), isDisabled: isOff, change: (encoding) => change({ encoding }) })}
    </details>
    <label class="drop" @dragover=${over} @dragleave=${left} @drop=${(event: DragEvent) => dropped(event, isOff, take)}>
      <span>${t("import.drop")}</span>
      <input type="file" name="file" accept=${TYPES} data-file ?disabled=${isOff} aria-label=${t("import.choose")} @change=${(event: Event) => chosen(event, take)} />
    </label>
  </form>`;
}

function over(event: DragEvent): void {
  event.preventDefault();
  (event.currentTarget as HTMLElement).classList.add("over");
}

function left(event: DragEvent): void {
  (event.currentTarget as HTMLElement).classList.remove("over");
}

function dropped(event: DragEvent, isOff: boolean, take: (file: File) => void): void {
  event.preventDefault();
  left(event);
  const file = event.dataTransfer?.files[0];
  if (file && !isOff) take(file);
}

function chosen(event: Event, take: (file: File) => void): void {
  const input = event.target as HTMLInputElement;
  const file = input.files?.[0];
  if (file) take(file);
  input.value = "";
}

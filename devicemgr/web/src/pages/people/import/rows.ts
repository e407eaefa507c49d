// The rows of an import in words: what becomes of a person, or why a line or a photo is not taken.
import type { components } from "../../../api/schema";
import { counted, knows, named, t } from "../../../base/i18n";
import { type Face, reasonWords } from "../face/pictures";

export type Import = components["schemas"]["ImportState"];
export type Row = components["schemas"]["ImportRowState"];

export const BUSY: readonly string[] = ["reading", "running", "stopping"];
export const OVER: readonly string[] = ["done", "stopped", "failed"];

/** Return where a row comes from: a line of a table, or a file. */
export function placeWords(row: Row): string {
  if (row.line !== undefined && row.line !== null) return t("import.line", { line: row.line });
  return row.file?.split("/").slice(1).join("/") || (row.file ?? "");
}

/** Return what becomes of a person, or why not. */
export function rowWords(row: Row): string {
  if (row.what === "refused") return refusalWords(row);
  if (row.what === "enroll") return counted("import.photos", row.photos ?? 0);
  const parts = Object.entries(row.fields ?? {}).map(([field, [before, after]]) => changeWords(field, before, after, row.what === "add"));
  return parts.filter(Boolean).join("; ");
}

function refusalWords(row: Row): string {
  const face = { duplicate_of: row.duplicate_of } as Face;
  const known = (row.reasons ?? []).map((reason) => {
    if (knows("import_reason", reason)) return named("import_reason", reason);
    return reason === "duplicate_of" || knows("face_reason", reason) ? reasonWords(reason, face) : "";
  });
  return known.every(Boolean) && known.length > 0 ? known.join(" ") : (row.why ?? known.join(" "));
}

function changeWords(field: string, before: unknown, after: unknown, isNew: boolean): string {
  if (isNew && (field === "name" || plain(after) === "")) return "";
  const name = knows("import_field", field) ? named("import_field", field) : field.replaceAll("_", " ");
  if (isNew) return `${name}: ${plain(after)}`;
  return `${name}: ${plain(before) || "–"} → ${plain(after) || "–"}`;
}

function plain(value: unknown): string {
  if (value === null || value === undefined || value === false) return "";
  if (value === true) return t("import.yes");
  if (Array.isArray(value)) return value.join(", ");
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Return how many there are of each kind, without those of which there are none. */
export function countWords(job: Import): string {
  const counts = Object.entries(job.counts ?? {}).filter(([name, count]) => count > 0 && knows("import_count", name));
  return counts.map(([name, count]) => `${named("import_count", name)}: ${count}`).join(" · ");
}

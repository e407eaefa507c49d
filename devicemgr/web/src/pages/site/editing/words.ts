// Words that the tabs of the site share.
import { Problem } from "../../../api/client";
import { knows, named, t } from "../../../base/i18n";
import { problemWords } from "../../../parts/words";

/** Return a problem in words, with what the daemon says of it where the words alone do not name the cause. */
export function causeWords(error: unknown): string {
  const words = problemWords(error);
  if (!(error instanceof Problem) || words === error.detail || error.detail === "") return words;
  return `${words}: ${error.detail}`;
}

/** Return a value of the site's file as a person reads it. */
export function valueWords(value: unknown): string {
  if (value === null || value === undefined) return t("site.none");
  if (typeof value === "boolean") return value ? t("site.yes") : t("site.no");
  if (Array.isArray(value)) return value.length > 0 ? value.map(valueWords).join(", ") : t("site.none");
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Return the name of a field in words. */
export function fieldWords(name: string): string {
  return named("site_field", name);
}

/** Return what is to be known of a field, where its name does not say it. */
export function hintWords(name: string): string {
  return knows("site_hint", name) ? named("site_hint", name) : "";
}

/** Return the choices of a field with their words. */
export function choices(values: readonly string[], words: (value: string) => string): (readonly [string, string])[] {
  return values.map((value) => [value, words(value)]);
}

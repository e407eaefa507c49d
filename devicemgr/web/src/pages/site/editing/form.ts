// What a form asks for, as data, and what its values come to.
import type { TemplateResult } from "lit";
import type { Problem } from "../../../api/client";
import { number, t } from "../../../base/i18n";

export type Values = Record<string, unknown>;

export interface OwnField {
  value: unknown;
  change: (value: unknown) => void;
  isDisabled: boolean;
  error: string | undefined;
}

export interface FormField {
  /** As the API names it. */
  name: string;
  kind: "text" | "number" | "time" | "url" | "select" | "check" | "names" | "own";
  label?: string;
  hint?: string;
  isRequired?: boolean;
  /** Of a number. */
  min?: number;
  max?: number;
  /** A short name: a-z, 0-9, dots, lines. */
  isSlug?: boolean;
  options?: readonly (readonly [value: string, words: string])[];
  offered?: readonly string[];
  words?: (name: string) => string;
  isOpen?: boolean;
  isShown?: (values: Values) => boolean;
  /** Return what is wrong with the value. */
  check?: (value: unknown, values: Values) => string | undefined;
  own?: (field: OwnField) => TemplateResult;
}

const SLUG = /^[a-z0-9][a-z0-9._-]{0,62}$/;

/** Return the values as the API takes them, and what is wrong with each. An empty text or number is null. */
export function checked(fields: readonly FormField[], given: Values): { values: Values; errors: Map<string, string> } {
  const values: Values = {};
  const errors = new Map<string, string>();
  for (const field of fields) {
    const value = valueOf(field, given[field.name]);
    values[field.name] = value;
    const error = (field.isShown?.(given) ?? true) ? errorOf(field, value, given) : undefined;
    if (error !== undefined) errors.set(field.name, error);
  }
  return { values, errors };
}

function valueOf(field: FormField, given: unknown): unknown {
  if (typeof given !== "string") return given ?? null;
  const text = given.trim();
  if (text === "") return null;
  return field.kind === "number" ? Number(text) : text;
}

function errorOf(field: FormField, value: unknown, given: Values): string | undefined {
  const isEmpty = value === null || (Array.isArray(value) && value.length === 0);
  if (isEmpty) return field.isRequired ? t("site.required") : field.check?.(value, given);
  if (field.isSlug && !SLUG.test(text(value))) return t("site.no_slug");
  if (field.kind === "number") {
    const { min = -Infinity, max = Infinity } = field;
    if (typeof value !== "number" || Number.isNaN(value) || value < min || value > max) return t("site.between", { min: number(min), max: number(max) });
  }
  return field.check?.(value, given);
}

/** Return a text or number of a form as text, and nothing of any other value. */
export function text(value: unknown): string {
  return typeof value === "string" ? value : typeof value === "number" ? String(value) : "";
}

/** Return names that were chosen. */
export function list(value: unknown): string[] {
  return Array.isArray(value) ? value.map(text) : [];
}

/** Return an object without some of its fields. */
export function without(value: object, ...names: string[]): Values {
  return Object.fromEntries(Object.entries(value).filter(([name]) => !names.includes(name)));
}

/** Return the field that a problem is about. */
export function fieldOf(fields: readonly FormField[], problem: Problem): string | undefined {
  const named = problem.code === "invalid_field" ? text(problem.args["field"]).split(".")[0] : undefined;
  return fields.find((field) => field.name === named)?.name;
}

/** Return options of names, each as it is, with words for none first. */
export function orNone(names: readonly string[], none: string): (readonly [string, string])[] {
  return [["", none], ...names.map((name): [string, string] => [name, name])];
}

// Words of the chosen language. Keys are flat; a key with a count has one entry for each plural category of its language.
import type en from "../../i18n/en.json";
import { kazakhNumber } from "./languages/kazakh";

export type Key = keyof typeof en;
export type Catalog = Record<string, string>;
export type Language = "en" | "ru" | "kk";
export type Arguments = Record<string, string | number>;

/** The languages by their own names. */
export const LANGUAGES: Record<Language, string> = { en: "English", ru: "Русский", kk: "Қазақша" };

const STORED = "devicemgr.language";
const loaders: Record<Language, () => Promise<{ default: Catalog }>> = {
  en: () => import("../../i18n/en.json"),
  ru: () => import("../../i18n/ru.json"),
  kk: () => import("../../i18n/kk.json"),
};

let catalog: Catalog = {};
let current: Language = "en";
let plurals = new Intl.PluralRules("en");

export function isLanguage(name: string | null | undefined): name is Language {
  return name === "en" || name === "ru" || name === "kk";
}

/** Return the language that was chosen here, else one of the browser's, else the site's. */
export function preferred(stored: string | null, browser: readonly string[], site?: string): Language {
  const wanted = [stored, ...browser.map((name) => name.slice(0, 2).toLowerCase()), site];
  return wanted.find(isLanguage) ?? "en";
}

export function preferredHere(site?: string): Language {
  return preferred(localStorage.getItem(STORED), navigator.languages, site);
}

export async function use(language: Language): Promise<void> {
  catalog = (await loaders[language]()).default;
  current = language;
  plurals = new Intl.PluralRules(language);
  document.documentElement.lang = language;
}

export async function choose(language: Language): Promise<void> {
  localStorage.setItem(STORED, language);
  await use(language);
}

export function language(): Language {
  return current;
}

/** Return the words of a key, with `{name}` replaced. */
export function t(key: Key, given: Arguments = {}): string {
  return filled(catalog[key] ?? key, given);
}

/** Return the words of a key with a count: `key.one`, `key.few` and so on. */
export function counted(key: string, count: number, given: Arguments = {}): string {
  const words = catalog[`${key}.${plurals.select(count)}`] ?? catalog[`${key}.other`] ?? key;
  return filled(words, { count: number(count), ...given });
}

/** Return the words of a name that the daemon gave, such as a kind of event; the name itself where none are known. */
export function named(prefix: string, name: string): string {
  return catalog[`${prefix}.${name}`] ?? name.replace(/^admin\./, "").replaceAll("_", " ");
}

/** Return True if the catalog has words for a name that the daemon gave. */
export function knows(prefix: string, name: string): boolean {
  return `${prefix}.${name}` in catalog;
}

/** Return the names that the catalog has words for, by their words: `keysOf("reason")`. */
export function keysOf(prefix: string): string[] {
  const begin = `${prefix}.`;
  const found = Object.keys(catalog).filter((key) => key.startsWith(begin));
  return found.sort((a, b) => (catalog[a] ?? "").localeCompare(catalog[b] ?? "", current)).map((key) => key.slice(begin.length));
}

export function number(value: number): string {
  return current === "kk" ? kazakhNumber(value) : new Intl.NumberFormat(current).format(value);
}

function filled(words: string, given: Arguments): string {
  return words.replace(/\{(\w+)\}/g, (whole, name: string) => String(given[name] ?? whole));
}

// The catalogs against each other and against the sources.
import { describe, expect, it } from "vitest";
import en from "../i18n/en.json";
import kk from "../i18n/kk.json";
import ru from "../i18n/ru.json";

const LANGUAGES = ["en", "ru", "kk"] as const;
const CATEGORIES = ["zero", "one", "two", "few", "many", "other"];
const catalogs: Record<(typeof LANGUAGES)[number], Record<string, string>> = { en, ru, kk };
const files = import.meta.glob<string>("../src/**/*.ts", { query: "?raw", import: "default", eager: true });
const sources = Object.entries(files)
  .filter(([name]) => !name.endsWith(".d.ts"))
  .map(([, text]) => text)
  .join("\n");

function matches(pattern: RegExp): Set<string> {
  return new Set([...sources.matchAll(pattern)].map((found) => found[1] ?? ""));
}

const counted = matches(/\bcounted\(\s*"([\w.]+)"/g);
const literal = new Set([...matches(/"([a-z_]+\.[\w.]+)"/g)]);
const prefixes = new Set([...matches(/`([a-z_]+)\.\$\{/g), ...matches(/\b(?:named|knows)\("(\w+)"/g)]);

function base(key: string): string {
  const at = key.lastIndexOf(".");
  return counted.has(key.slice(0, at)) && CATEGORIES.includes(key.slice(at + 1)) ? key.slice(0, at) : key;
}

function placeholders(words: string): string[] {
  return [...words.matchAll(/\{(\w+)\}/g)].map((found) => found[1] ?? "").sort();
}

describe.each(LANGUAGES)("catalog %s", (name) => {
  const catalog = catalogs[name];

  it("has the keys of the English one", () => {
    expect(new Set(Object.keys(catalog).map(base))).toEqual(new Set(Object.keys(catalogs.en).map(base)));
  });

  it("has each key that the sources name, and none that they do not", () => {
    const keys = new Set(Object.keys(catalog).map(base));
    const tops = new Set([...keys].map((key) => key.split(".")[0]));
    const wanted = [...literal, ...counted].filter((key) => tops.has(key.split(".")[0]));
    expect(wanted.filter((key) => !keys.has(key))).toEqual([]);
    expect([...keys].filter((key) => !literal.has(key) && !counted.has(key) && !prefixes.has(key.split(".")[0] ?? ""))).toEqual([]);
  });

  it("has the plural forms of its language", () => {
    const forms = new Intl.PluralRules(name).resolvedOptions().pluralCategories.sort();
    for (const key of counted) {
      expect(CATEGORIES.filter((form) => `${key}.${form}` in catalog).sort()).toEqual(forms);
    }
  });

  it("has the placeholders of the English one", () => {
    for (const [key, words] of Object.entries(catalog)) {
      const english = catalogs.en[key] ?? catalogs.en[`${base(key)}.other`] ?? "";
      expect(placeholders(words), key).toEqual(placeholders(english));
    }
  });

  it("is sorted, without empty words", () => {
    expect(Object.keys(catalog)).toEqual(Object.keys(catalog).sort());
    expect(Object.entries(catalog).filter(([, words]) => words.trim() === "")).toEqual([]);
  });
});

describe("the Russian and Kazakh catalogs", () => {
  const NAMES = /Caps Lock|\{\w+\}/g;
  it.each(["ru", "kk"] as const)("%s has no Latin letters but in names", (name) => {
    const latin = Object.entries(catalogs[name]).filter(([, words]) => /[A-Za-z]/.test(words.replace(NAMES, "")));
    expect(latin).toEqual([]);
  });
});

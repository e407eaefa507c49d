import { describe, expect, it, vi } from "vitest";
import { Problem, Unreachable } from "../src/api/client";
import { clock, date, day, moment, setZone } from "../src/base/dates";
import { number, preferred, use } from "../src/base/i18n";
import { kazakhChoice, kazakhWeekday } from "../src/base/languages/kazakh";
import { duration, size } from "../src/base/quantities";
import { allowedPages, href, query, route } from "../src/base/router";

describe("route", () => {
  const all = allowedPages(new Set(["GET /events/stream", "GET /devices"]));

  it("gives the page of the hash and what is behind its name", () => {
    expect(route("#/devices/gate%201", all)).toMatchObject({ page: { name: "devices" }, rest: ["gate 1"] });
  });

  it("gives the first allowed page for any other hash", () => {
    for (const hash of ["", "#", "#/", "#/nothing", "#/%E0%A4"]) expect(route(hash, all).page?.name).toBe("live");
    expect(route("#/live", allowedPages(new Set(["GET /devices"]))).page?.name).toBe("devices");
    expect(route("#/live", []).page).toBeUndefined();
  });

  it("leaves what stands behind ? to the page", () => {
    const address = href("devices", "10/42 ü", { tab: "a&b", none: "" });
    expect(address).toBe("#/devices/10%2F42%20%C3%BC?tab=a%26b");
    expect(route(address, all)).toMatchObject({ page: { name: "devices" }, rest: ["10/42 ü"] });
    expect([...query(address)]).toEqual([["tab", "a&b"]]);
  });
});

describe("language", () => {
  it("is the chosen one, else the browser's, else the site's, else English", () => {
    expect(preferred("kk", ["ru-RU"], "en")).toBe("kk");
    expect(preferred(null, ["de", "ru-RU"], "kk")).toBe("ru");
    expect(preferred(null, ["de"], "kk")).toBe("kk");
    expect(preferred("xx", [], undefined)).toBe("en");
  });
});

describe("dates", () => {
  it("are those of the site's zone", () => {
    setZone("Asia/Almaty");
    expect(clock("2026-06-01T20:30:05Z")).toBe("01:30:05");
    expect(day("2026-06-01T20:30:05Z", Date.parse("2026-06-02T03:00:00Z"))).toBe("");
    expect(day("2026-06-01T18:30:05Z", Date.parse("2026-06-02T03:00:00Z"))).not.toBe("");
  });
});

describe("Kazakh", () => {
  it("has words of its own where a browser has no data for it", async () => {
    setZone("UTC");
    // Vitest has no page, in whose root the language stands.
    vi.stubGlobal("document", { documentElement: {} });
    await use("kk");
    const shown = [date("2026-11-30T17:09:05Z"), day("2026-11-30T17:09:05Z", 0), moment("2026-02-01T07:09:05Z"), number(1234567.5), duration(3 * 86_400), size(5_000_000), kazakhWeekday(0, "short"), kazakhChoice(["а", "б", "в"])];
    expect(shown.map((one) => one.replaceAll("\u00a0", " "))).toEqual(["2026 ж. 30 қар.", "30 қар.", "2026 ж. 1 ақп., 07:09:05 UTC", "1 234 567,5", "3 күн", "5 МБ", "Дс", "а, б немесе в"]);
    await use("en");
  });
});

describe("Problem", () => {
  it("is no lost answer", () => {
    expect(new Problem(409, "x", "y")).not.toBeInstanceOf(Unreachable);
  });
});

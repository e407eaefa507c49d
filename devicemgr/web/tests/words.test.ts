import { describe, expect, it } from "vitest";
import { Problem, Unreachable } from "../src/api/client";
import { clock, day, setZone } from "../src/base/dates";
import { preferred } from "../src/base/i18n";
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

describe("Problem", () => {
  it("is no lost answer", () => {
    expect(new Problem(409, "x", "y")).not.toBeInstanceOf(Unreachable);
  });
});

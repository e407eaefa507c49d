import { describe, expect, it } from "vitest";
import { qrCode, qrPath } from "../../src/pages/visitors/qr";

// As a reader (zxing 2.3) has read it.
const OF_V_000123 = `
#######.#.....#######
#.....#.#.#.#.#.....#
#.###.#.#.###.#.###.#
#.###.#.##....#.###.#
#.###.#.###.#.#.###.#
#.....#....##.#.....#
#######.#.#.#.#######
........#..##........
.##.#.##...#..#.#####
#....#..#.#..#.#.#.#.
#..#.##.##..####..##.
#.#.#..#..#.##.###...
.##..##.########..#..
........#.#...##.#...
#######.#.#.#...#.###
#.....#...#.#.##.#.#.
#.###.#.##.#..#...###
#.###.#..###.#.###.#.
#.###.#.####.###..#.#
#.....#.##.###.##..##
#######...##.##.#.#.#`;

function drawn(text: string): string {
  return qrCode(text).map((line) => line.map((isDark) => (isDark ? "#" : ".")).join("")).join("\n");
}

describe("QR code", () => {
  it("is one that a reader reads", () => {
    expect(drawn("V-000123")).toBe(OF_V_000123.trim());
  });

  it("holds sixteen letters, and refuses what does not fit", () => {
    expect(qrCode("V-00000000000000")).toHaveLength(21);
    expect(() => qrCode("V-000000000000000")).toThrow(RangeError);
    expect(() => qrCode("v-1")).toThrow(RangeError);
  });

  it("is drawn with a path that covers each dark square once", () => {
    const dark = drawn("V-000123").replaceAll(/[^#]/g, "").length;
    const covered = [...qrPath(qrCode("V-000123")).matchAll(/M\d+ \d+h(\d+)v1h-\1z/g)].map((run) => Number(run[1]));
    expect(covered.reduce((sum, length) => sum + length, 0)).toBe(dark);
  });
});

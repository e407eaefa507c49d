import { describe, expect, it } from "vitest";
import { type Face, base64, firstReason, isSame, lookalikes } from "../src/pages/people/face/pictures";
import { placeWords } from "../src/pages/people/import/rows";

const face = (reasons: string[], badge?: string): Face => ({ ok: reasons.length === 0, reasons, duplicate_of: badge ?? null });

describe("pictures of a face", () => {
  it("name first who is in the picture, then the light", () => {
    expect(firstReason(["blurred", "too_dark", "several_faces"])).toBe("several_faces");
    expect(firstReason(["turned_away", "too_dark"])).toBe("too_dark");
    expect(firstReason(["of_another_version", "blurred"])).toBe("blurred");
    expect(firstReason([])).toBeUndefined();
  });

  it("may be confirmed only where nothing else is wrong with them", () => {
    expect(lookalikes([face(["duplicate_of"], "7"), face([]), face(["duplicate_of"], "5")])).toEqual(["5", "7"]);
    expect(lookalikes([face(["duplicate_of"], "7"), face(["blurred"])])).toBeNull();
    expect(lookalikes([face(["duplicate_of", "covered"], "7")])).toBeNull();
    expect(lookalikes([face([])])).toBeNull();
  });

  it("are the same byte by byte", () => {
    expect(isSame(new Uint8Array([1, 2]), new Uint8Array([1, 2]))).toBe(true);
    expect(isSame(new Uint8Array([1, 2]), new Uint8Array([1, 3]))).toBe(false);
    expect(isSame(new Uint8Array([1]), undefined)).toBe(false);
  });

  it("travel as base64, also large ones", () => {
    const bytes = Uint8Array.from({ length: 100_000 }, (_, at) => at % 256);
    expect(Uint8Array.from(atob(base64(bytes)), (letter) => letter.charCodeAt(0))).toEqual(bytes);
  });
});

describe("rows of an import", () => {
  it("are named by their file in the archive", () => {
    expect(placeWords({ what: "refused", file: "photos.zip/1042_Omar.jpg" })).toBe("1042_Omar.jpg");
    expect(placeWords({ what: "refused", file: "alone.jpg" })).toBe("alone.jpg");
    expect(placeWords({ what: "add" })).toBe("");
  });
});

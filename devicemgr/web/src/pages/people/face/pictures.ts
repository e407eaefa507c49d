// What is said of pictures of a face, and how they travel.
import type { components } from "../../../api/schema";
import { knows, named, t } from "../../../base/i18n";

export type Face = components["schemas"]["FaceAnalysis"];

/** What to change first: who is in the picture, then the light, then place and turn. */
const ORDER = [
  "several_faces",
  "no_face",
  "too_dark",
  "too_bright",
  "face_at_edge",
  "face_too_small",
  "covered",
  "turned_away",
  "blurred",
];

/** Return the reason that is to be changed first, of those that a picture has. */
export function firstReason(reasons: readonly string[]): string | undefined {
  const rank = (reason: string): number => (ORDER.includes(reason) ? ORDER.indexOf(reason) : ORDER.length);
  return [...reasons].sort((a, b) => rank(a) - rank(b))[0];
}

/** Return a reason in words: what to do. */
export function reasonWords(reason: string, face?: Face): string {
  if (reason === "duplicate_of") return t("face.duplicate", { badge: face?.duplicate_of ?? "?" });
  return knows("face_reason", reason) ? named("face_reason", reason) : reason.replaceAll("_", " ");
}

/** Return the badges whose faces the pictures look like, if that is all that is wrong with them; else null. */
export function lookalikes(faces: readonly Face[]): string[] | null {
  const bad = faces.filter((face) => face.reasons.length > 0);
  if (bad.length === 0 || !bad.every((face) => face.reasons.every((reason) => reason === "duplicate_of"))) return null;
  return [...new Set(bad.map((face) => face.duplicate_of ?? "?"))].sort();
}

export function isSame(one: Uint8Array, other: Uint8Array | undefined): boolean {
  return other?.length === one.length && one.every((byte, place) => byte === other[place]);
}

/** Return bytes as the API takes photos. */
export function base64(bytes: Uint8Array): string {
  const pieces: string[] = [];
  for (let at = 0; at < bytes.length; at += 0x8000) pieces.push(String.fromCharCode(...bytes.subarray(at, at + 0x8000)));
  return btoa(pieces.join(""));
}

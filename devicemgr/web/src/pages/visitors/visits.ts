// Visits as the page sorts them: who is expected today, who is here, who should have left, and who comes later.
import type { Answer } from "../../api/client";
import { fieldTime } from "../../base/dates";
import { folded } from "../../live/rows";

export type Visit = Answer<"/api/v1/visitors", "get">[number];
export const OPEN_STATES = ["expected", "arrived", "inside", "overdue"] as const;
export const PARTS = ["today", "here", "overdue", "later", "left"] as const;
export type Part = (typeof PARTS)[number];

/** Return the part of the page where a visit stands; null for one of another day that is over. */
export function partOf(visit: Visit, now: number): Part | null {
  const today = dayOf(now);
  if (visit.state === "expected") return visit.valid_from !== null && dayOf(visit.valid_from) > today ? "later" : "today";
  if (visit.state === "overdue") return "overdue";
  if (visit.state === "arrived" || visit.state === "inside") return "here";
  const end = visit.left ?? visit.cancelled;
  return end !== null && dayOf(end) === today ? "left" : null;
}

/** Return the day of a time in the site's zone. */
export function dayOf(time: string | number): string {
  return fieldTime(time).slice(0, 10);
}

/** Return the visits of a part, by when they matter next, that contain the words. */
export function visitsOf(all: readonly Visit[], part: Part, search: string, now: number): Visit[] {
  return all
    .filter((visit) => partOf(visit, now) === part && matches(visit, search))
    .sort((a, b) => momentOf(a, part).localeCompare(momentOf(b, part)) * (part === "left" ? -1 : 1) || a.name.localeCompare(b.name));
}

function momentOf(visit: Visit, part: Part): string {
  if (part === "today" || part === "later") return visit.valid_from ?? "";
  if (part === "left") return visit.left ?? visit.cancelled ?? "";
  return visit.valid_to ?? "";
}

function matches(visit: Visit, search: string): boolean {
  const wanted = folded(search);
  const words = [visit.name, visit.badge, visit.host ?? "", visit.host_name ?? "", ...visit.cards];
  return wanted === "" || folded(words.join(" ")).includes(wanted);
}

/** Return the visit that a reader has typed: the number of a printed badge, or that of a card; undefined if none is. */
export function read(all: readonly Visit[], typed: string): Visit | undefined {
  const wanted = typed.trim().toUpperCase();
  if (wanted === "") return undefined;
  return all.find((visit) => visit.badge.toUpperCase() === wanted || visit.cards.some((card) => card.toUpperCase() === wanted || sameNumber(card, wanted)));
}

/** Leading zeros are of the reader, not of the card. */
function sameNumber(card: string, typed: string): boolean {
  return /^\d+$/.test(typed) && /^\d+$/.test(card) && card.replace(/^0+/, "") === typed.replace(/^0+/, "");
}

export function mayArrive(visit: Visit): boolean {
  return visit.state === "expected";
}

export function mayLeave(visit: Visit): boolean {
  return visit.state === "arrived" || visit.state === "inside" || visit.state === "overdue";
}

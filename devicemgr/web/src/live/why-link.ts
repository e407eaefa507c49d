// From a denial to its explanation.
import { html, nothing, type TemplateResult } from "lit";
import type { Event } from "../api/types";
import { clock } from "../base/dates";
import { t } from "../base/i18n";
import { href } from "../base/router";
import { isWall } from "../base/wall";
import { store } from "./store";
import { whoWords } from "../parts/words";

export function whyLink(event: Event): TemplateResult | typeof nothing {
  if (isWall || event.kind !== "access_denied" || !store.may("GET /access/why/{event}")) return nothing;
  const label = t("why.link_of", { who: whoWords(event) || t("live.stranger"), time: clock(event.time) });
  return html` <a class="why" href=${href("why", String(event.seq))} aria-label=${label}>${t("why.link")}</a>`;
}

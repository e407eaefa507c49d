// Granted or not, and what would help.
import { html, nothing, type TemplateResult } from "lit";
import type { Tried } from "../../api/types";
import { t } from "../../base/i18n";
import { toneSymbol } from "../../parts/symbols";
import { reasonWords } from "../../parts/words";
import { adviceWords } from "./checks";

/** Return whether it is granted, and the reason if not. */
export function verdict(found: Tried, isSupposed = false): TemplateResult {
  const words = isSupposed ? t(found.granted ? "why.would_grant" : "why.would_deny") : t(found.granted ? "live.granted" : "live.denied");
  return html`<h2 class="verdict ${found.granted ? "good" : "bad"}" data-verdict=${found.granted ? "granted" : "denied"}>
    ${toneSymbol(found.granted ? "good" : "bad")}<span>${words}${found.reason ? html`: ${reasonWords(found.reason)}` : nothing}</span>
  </h2>`;
}

/** Return what would let the person in. */
export function helps(found: Tried): TemplateResult | typeof nothing {
  if (found.advice.length === 0) return nothing;
  return html`<section class="helps"><h3>${t("why.helps")}</h3><ul class="plain">${found.advice.map((one, index) => html`<li data-advice=${one.code}>${adviceWords(one, found.helps[index] ?? "")}</li>`)}</ul></section>`;
}

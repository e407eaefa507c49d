// A certificate as an address shows it: compared on the spot before it is accepted.
import { html, type TemplateResult } from "lit";
import type { Answer } from "../../api/client";
import { moment } from "../../base/dates";
import { t } from "../../base/i18n";

export type Certificate = Answer<"/api/v1/certificates", "post">;

export function certificate(shown: Certificate, pinned: string, accept: () => void): TemplateResult {
  const isPinned = folded(pinned) === folded(shown.fingerprint);
  return html`<div class="effect" role="status">
    <dl class="facts">
      <dt>${t("devices.fingerprint")}</dt><dd><code>${shown.fingerprint}</code></dd>
      <dt>${t("devices.certificate_of")}</dt><dd>${shown.subject}</dd>
      <dt>${t("devices.certificate_by")}</dt><dd>${shown.issuer}</dd>
      <dt>${t("devices.certificate_until")}</dt><dd>${moment(shown.valid_to)}</dd>
    </dl>
    <p>${shown.trusted ? t("devices.certificate_trusted") : t("devices.certificate_compare")}</p>
    ${isPinned
      ? html`<p><strong>${t("devices.certificate_accepted")}</strong></p>`
      : html`<button type="button" data-accept @click=${accept}>${t("devices.certificate_accept")}</button>`}
  </div>`;
}

function folded(fingerprint: string): string {
  return fingerprint.replace(/^sha256:/i, "").replaceAll(":", "").toLowerCase();
}

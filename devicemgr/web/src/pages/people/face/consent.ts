// The consent under which a face is enrolled.
import { html, type TemplateResult } from "lit";
import { t } from "../../../base/i18n";
import { textField } from "../../../parts/fields";

export interface Consent {
  reference: string;
  notice: string;
  until: string;
}

export const NO_CONSENT: Consent = { reference: "", notice: "", until: "" };

export function consentForm(consent: Consent, error: string, change: (change: Partial<Consent>) => void): TemplateResult {
  return html`${textField({ name: "consent", label: t("face.consent"), hint: t("face.consent_hint"), value: consent.reference, error: error || undefined, max: 200, change: (reference) => change({ reference }) })}
    <details>
      <summary>${t("face.consent_more")}</summary>
      ${textField({ name: "notice", label: t("face.notice"), hint: t("face.notice_hint"), value: consent.notice, max: 64, change: (notice) => change({ notice }) })}
      ${textField({ name: "consent_until", label: t("face.until"), hint: t("face.until_hint"), type: "date", value: consent.until, change: (until) => change({ until }) })}
    </details>`;
}

/** Return the fields of the API; those that are empty are the site's. */
export function consentBody(consent: Consent): { consent: string; notice: string | null; consent_until: string | null } {
  return { consent: consent.reference.trim(), notice: consent.notice.trim() || null, consent_until: consent.until || null };
}

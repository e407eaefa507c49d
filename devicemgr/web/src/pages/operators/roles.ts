// Roles: to choose from, and in words.
import { html, nothing, type TemplateResult } from "lit";
import { named, t } from "../../base/i18n";
import { checkField } from "../../parts/fields";

export const ROLES = ["guard", "technician", "admin", "auditor", "duress"] as const;
export type Role = (typeof ROLES)[number];

export function roleWords(roles: readonly string[]): string {
  return roles.map((role) => named("role", role)).join(", ");
}

/** A box for each role that may be chosen. */
export function roleFields(name: string, offered: readonly Role[], chosen: readonly Role[], error: string | undefined, change: (roles: Role[]) => void): TemplateResult {
  const toggled = (role: Role, isOn: boolean): Role[] => ROLES.filter((one) => (one === role ? isOn : chosen.includes(one)));
  return html`<fieldset class="choices" aria-describedby=${error ? `${name}-error` : nothing}>
    <legend>${t("operator.roles")}</legend>
    ${offered.map((role) => checkField({ name: `${name}-${role}`, label: named("role", role), isOn: chosen.includes(role), isDisabled: false, change: (isOn) => change(toggled(role, isOn)) }))}
    ${error ? html`<small id="${name}-error" class="error" role="alert">${error}</small>` : nothing}
  </fieldset>`;
}

// A person's face: how many photos are enrolled and under which consent, which can be withdrawn.
import { html, nothing, type TemplateResult } from "lit";
import { call } from "../../../api/client";
import { date } from "../../../base/dates";
import { counted, t } from "../../../base/i18n";
import { store } from "../../../live/store";
import { confirmed } from "../../../parts/confirm";
import { faceOf } from "../addresses";
import { shown } from "./details";
import { PersonPart } from "./part";

class PersonConsent extends PersonPart {
  override render(): TemplateResult {
    const { person } = this;
    const { consent } = person;
    return html`<section class="part consent" aria-labelledby="face-title">
      <h3 id="face-title">${t("person.face_title")}</h3>
      <dl class="facts">
        <dt>${t("person.enrolled")}</dt>
        <dd>${person.templates > 0 ? counted("person.photos", person.templates) : t("person.no_face")}</dd>
        <dt>${t("person.consent")}</dt>
        <dd>${consent ? t("person.consent_given", { reference: consent.reference, day: date(consent.given) }) : t("person.no_consent")}</dd>
        ${consent?.notice ? html`<dt>${t("person.notice")}</dt><dd>${consent.notice}</dd>` : nothing}
        ${consent?.until ? html`<dt>${t("person.consent_until")}</dt><dd>${shown(consent.until, true)}</dd>` : nothing}
        ${person.samples_kept > 0 ? html`<dt>${t("person.samples")}</dt><dd>${counted("person.samples_kept", person.samples_kept)}</dd>` : nothing}
      </dl>
      <div class="acts">
        ${store.may("POST /people/{badge}/face") ? html`<a class="button" href=${faceOf(person.badge)} data-enroll>${t("person.enroll")}</a>` : nothing}
        ${(consent !== null || person.templates > 0) && store.may("DELETE /people/{badge}/face") ? html`<button type="button" class="quiet" data-withdraw ?disabled=${this.isOff} @click=${() => void this.withdraw()}>${t("person.withdraw")}</button>` : nothing}
      </div>
    </section>`;
  }

  private async withdraw(): Promise<void> {
    const given = { name: this.person.name };
    const question = { title: t("person.withdraw_title", given), effect: t("person.withdraw_effect", given), action: t("person.withdraw_now"), isDangerous: true };
    if (!(await confirmed(question))) return;
    await this.change(
      () => call("delete", "/api/v1/people/{badge}/face", { path: this.path, timeoutMs: 60_000 }),
      (answer) => t(answer.verified ? "person.withdrawn" : "person.withdrawn_unverified"),
    );
  }
}

customElements.define("desk-person-consent", PersonConsent);

// The live picture with its oval, and the end of an enrollment.
import { html, svg, type TemplateResult } from "lit";
import { t } from "../../../base/i18n";
import { href } from "../../../base/router";

/** The picture with what to do; as many dots as pictures are wanted, filled as they are taken. */
export function finder(taken: number, wanted: number, hint: string): TemplateResult {
  const places = Array.from({ length: wanted }, (_, place) => place < taken);
  return html`<div class="finder">
      <video autoplay playsinline .muted=${true} disablepictureinpicture aria-label=${t("face.live")}></video>
      <svg viewBox="0 0 100 75" aria-hidden="true" preserveAspectRatio="xMidYMid slice">${svg`<ellipse cx="50" cy="36" rx="18" ry="25"/>`}</svg>
    </div>
    <p class="advice" role="status">${hint}</p>
    <p class="dots"><span aria-hidden="true">${places.map((isTaken) => (isTaken ? "●" : "○"))}</span> ${t("face.progress", { taken, wanted })}</p>`;
}

export function outcome(title: string, words: string, badge: string, again: () => void): TemplateResult {
  return html`<p class="outcome confirmed" role="status" data-enrolled><strong>${title}</strong> ${words} ${t("face.dropped")}</p>
    <footer class="tools">
      <a class="button" href=${href("people", badge)}>${t("face.to_person")}</a>
      <button type="button" class="quiet" @click=${again}>${t("face.again")}</button>
    </footer>`;
}

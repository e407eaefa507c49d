// Enroll a face: the consent first, then three good pictures of the camera, or files; nothing is kept after the end.
import { html, nothing, type TemplateResult } from "lit";
import { Problem, Unreachable, call } from "../../../api/client";
import { announce } from "../../../base/announce";
import { StoreElement } from "../../../base/element";
import { counted, named, t } from "../../../base/i18n";
import { Loaded } from "../../../base/loaded";
import { href } from "../../../base/router";
import { store } from "../../../live/store";
import { confirmed } from "../../../parts/confirm";
import { problemWords } from "../../../parts/words";
import { Camera, blank, grab, isPossible, problemOf, type CameraProblem } from "./camera";
import { type Consent, NO_CONSENT, consentBody, consentForm } from "./consent";
import { type Face, base64, firstReason, isSame, lookalikes, reasonWords } from "./pictures";
import { finder, outcome } from "./views";

const JPEG = "image/jpeg";
export const WANTED = 3;
/** Three looks a second. */
const LOOK_MS = 334;
const BETWEEN_MS = 500;
const BUSY_MS = 1000;
const ENROLL_TIMEOUT_MS = 240_000;
const MAX_FILES = 10;
const MAX_BYTES = 45_000_000;

type Picture = Uint8Array<ArrayBuffer>;
type Step = "consent" | "camera" | "saving" | "done" | "refused";

class FaceEnrollment extends StoreElement {
  static override properties = {
    badge: { attribute: false },
    step: { state: true },
    consent: { state: true },
    consentError: { state: true },
    trouble: { state: true },
    hint: { state: true },
    taken: { state: true },
    cameras: { state: true },
  };
  declare badge: string;
  declare step: Step;
  declare consent: Consent;
  declare consentError: string;
  /** Why there is no picture, or why nothing was enrolled. */
  declare trouble: string;
  declare hint: string;
  declare taken: number;
  declare cameras: readonly MediaDeviceInfo[];
  private readonly person = new Loaded(this, () => call("get", "/api/v1/people/{badge}", { path: { badge: this.badge } }), false);
  private readonly camera = new Camera(() => this.stopFor("gone"));
  private pictures: Picture[] = [];
  private faults: { name: string; words: string }[] = [];
  private templates = 0;
  private device = "";
  private run = 0;
  private readonly hide = (): void => {
    if (document.visibilityState === "hidden" && this.step === "camera") this.quit(t("face.hidden"));
  };
  private readonly off = (): void => this.drop();

  constructor() {
    super();
    this.badge = "";
    this.step = "consent";
    this.consent = NO_CONSENT;
    this.consentError = "";
    this.trouble = "";
    this.hint = "";
    this.taken = 0;
    this.cameras = [];
  }

  override connectedCallback(): void {
    super.connectedCallback();
    document.addEventListener("visibilitychange", this.hide);
    addEventListener("pagehide", this.off);
    if (isPossible()) void this.warm();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    document.removeEventListener("visibilitychange", this.hide);
    removeEventListener("pagehide", this.off);
    this.drop();
    this.step = "consent";
  }

  override willUpdate(): void {
    if (this.step === "camera" && store.link === "away") this.quit(t("face.away"));
  }

  override updated(): void {
    const video = this.querySelector("video");
    if (video && video.srcObject !== this.camera.stream) video.srcObject = this.camera.stream;
  }

  override render(): TemplateResult {
    const { value } = this.person;
    return html`<div class="enrollment">
      <p><a href=${href("people", this.badge)}>${t("face.back", { name: value?.name ?? this.badge })}</a></p>
      <h2>${t("face.title", { name: value?.name ?? this.badge })}</h2>
      ${value ? this.body() : this.person.notice()}
    </div>`;
  }

  private body(): TemplateResult {
    if (this.step === "done") return outcome(t("face.done"), counted("face.samples", this.templates), this.badge, () => this.again());
    if (this.step === "saving") return html`<p class="empty" role="status">${t("face.saving")}</p>`;
    if (this.step === "camera") return this.live();
    return html`<form class="consent" @submit=${(event: SubmitEvent) => this.begin(event)}>
      <p class="soft">${t("face.intro")}</p>
      ${this.trouble ? html`<p class="outcome refused" role="alert">${this.trouble}</p>` : nothing}
      ${this.faults.length > 0 ? html`<ul class="faults">${this.faults.map((one) => html`<li><strong>${one.name}</strong> ${one.words}</li>`)}</ul>` : nothing}
      ${consentForm(this.consent, this.consentError, (change) => this.change(change))}
      ${isPossible() ? nothing : html`<p class="outcome unknown" data-insecure>${named("camera", "insecure")}</p>`}
      <footer>
        ${isPossible() ? html`<button type="submit" class="main" data-start ?disabled=${store.link === "away"}>${t(this.step === "refused" ? "face.restart" : "face.start")}</button>` : nothing}
        <label class="button ${isPossible() ? "quiet" : ""}">
          ${t("face.files")}
          <input type="file" class="sr" name="photos" multiple accept="image/*" data-files @click=${(event: MouseEvent) => this.isAgreed() || event.preventDefault()} @change=${(event: Event) => void this.upload(event)} />
        </label>
      </footer>
    </form>`;
  }

  private live(): TemplateResult {
    return html`${finder(this.taken, WANTED, this.hint)}
      <footer class="tools">
        ${this.cameras.length > 1
          ? html`<label class="field">${t("face.camera")}<select name="camera" @change=${(event: Event) => void this.open((event.target as HTMLSelectElement).value)}>
              ${this.cameras.map((one, place) => html`<option value=${one.deviceId} ?selected=${one.deviceId === this.device}>${one.label || t("face.camera_number", { number: place + 1 })}</option>`)}
            </select></label>`
          : nothing}
        <button type="button" class="quiet" data-stop @click=${() => this.quit("")}>${t("action.cancel")}</button>
      </footer>`;
  }

  private change(change: Partial<Consent>): void {
    this.consent = { ...this.consent, ...change };
    this.consentError = "";
  }

  /** Return whether a consent is named; else say so at its field. */
  private isAgreed(): boolean {
    if (this.consent.reference.trim() !== "") return true;
    this.consentError = t("face.consent_missing");
    void this.updateComplete.then(() => this.querySelector<HTMLElement>("[name=consent]")?.focus());
    return false;
  }

  private begin(event: SubmitEvent): void {
    event.preventDefault();
    if (this.isAgreed()) void this.open(this.device);
  }

  private async open(device: string): Promise<void> {
    this.drop();
    this.device = device;
    this.faults = [];
    this.trouble = "";
    this.hint = t("face.starting");
    this.step = "camera";
    const run = this.run;
    try {
      if (!(await this.camera.start(device))) return;
    } catch (error) {
      if (run === this.run) this.stopFor(problemOf(error));
      return;
    }
    this.cameras = await this.camera.choices();
    this.device = this.camera.stream?.getVideoTracks()[0]?.getSettings().deviceId ?? device;
    this.requestUpdate();
    void this.watch(run);
  }

  /** Look three times a second until there are enough good pictures, or until the camera is off. */
  private async watch(run: number): Promise<void> {
    let before: Picture | undefined;
    let good = -BETWEEN_MS;
    while (run === this.run) {
      const began = performance.now();
      const video = this.querySelector("video");
      const picture = video ? await grab(video) : null;
      if (run !== this.run) return;
      // A picture that comes again, as of a frozen camera, would count twice.
      const isNew = picture !== null && !isSame(picture, before) && !this.pictures.some((one) => isSame(picture, one));
      if (picture && isNew && (await this.look(picture, run)) && performance.now() - good >= BETWEEN_MS) {
        if (run !== this.run) return;
        good = performance.now();
        this.pictures.push(picture);
        this.taken = this.pictures.length;
        announce(t("face.progress", { taken: this.taken, wanted: WANTED }));
        if (this.taken === WANTED) return void this.enroll(this.pictures);
      }
      if (picture) before = picture;
      await pause(LOOK_MS - (performance.now() - began));
    }
  }

  /** Return whether a picture is good; what is to be changed is shown. */
  private async look(picture: Picture, run: number): Promise<boolean> {
    try {
      const face = await call("post", "/api/v1/faces/check", { raw: { data: picture, type: JPEG } });
      if (run !== this.run) return false;
      const reason = firstReason(face.reasons);
      this.hint = reason === undefined ? t("face.hold_still") : reasonWords(reason, face);
      return face.ok;
    } catch (error) {
      if (error instanceof Problem && error.status === 429) await pause(BUSY_MS);
      else if (run === this.run) this.quit(error instanceof Unreachable ? t("face.away") : problemWords(error));
      return false;
    }
  }

  private async upload(event: Event): Promise<void> {
    const input = event.target as HTMLInputElement;
    const files = [...(input.files ?? [])];
    this.drop();
    this.faults = [];
    this.trouble = "";
    if (files.length > MAX_FILES) this.trouble = t("face.too_many", { most: MAX_FILES });
    else if (files.reduce((sum, file) => sum + file.size, 0) > MAX_BYTES) this.trouble = t("face.too_large");
    else if (files.length > 0) {
      const run = this.run;
      const photos = await Promise.all(files.map(async (file) => new Uint8Array(await file.arrayBuffer()))).catch(() => null);
      if (run !== this.run) return;
      if (photos === null) this.trouble = t("face.unreadable");
      else await this.enroll(photos, files.map((file) => file.name));
    }
    input.value = "";
  }

  /** Enroll pictures, all or none; they are dropped whatever comes of it. */
  private async enroll(pictures: readonly Picture[], names: readonly string[] = []): Promise<void> {
    this.drop();
    this.step = "saving";
    const run = this.run;
    const photos = pictures.map(base64);
    try {
      const answer = await this.post(photos, false).catch((error: unknown) => this.despiteLookalike(error, photos));
      if (run !== this.run) return;
      if (answer === null) { this.quit(t("face.lookalike_left")); return; }
      this.templates = answer.templates;
      this.step = "done";
      announce(t("face.done"));
    } catch (error) {
      if (run === this.run) this.refuse(error, names);
    }
  }

  private post(photos: string[], allowed: boolean): Promise<{ templates: number }> {
    const body = { photos, allow_lookalike: allowed, bulk: false, ...consentBody(this.consent) };
    return call("post", "/api/v1/people/{badge}/face", { path: { badge: this.badge }, timeoutMs: ENROLL_TIMEOUT_MS }, body);
  }

  /** Ask before a face is enrolled that looks like another person's; null for no. */
  private async despiteLookalike(error: unknown, photos: string[]): Promise<{ templates: number } | null> {
    const badges = error instanceof Problem ? lookalikes(error.faces as Face[]) : null;
    if (badges === null) throw error;
    const yes = await confirmed({
      title: t("face.lookalike_title"),
      effect: t("face.lookalike_effect", { badges: badges.join(", ") }),
      action: t("face.lookalike_action"),
      isDangerous: true,
    });
    return yes && this.isConnected ? this.post(photos, true) : null;
  }

  private refuse(error: unknown, names: readonly string[]): void {
    const faces = error instanceof Problem ? (error.faces as Face[]) : [];
    const bad = faces.filter((face) => face.reasons.length > 0);
    this.faults = bad.map((face, place) => ({
      name: names[(face.photo ?? place + 1) - 1] ?? t("face.picture", { number: face.photo ?? place + 1 }),
      words: face.reasons.map((reason) => reasonWords(reason, face)).join(" "),
    }));
    if (bad.length > 0) { this.quit(t("face.refused")); return; }
    this.quit(error instanceof Problem ? problemWords(error) : t("face.unknown"));
  }

  private stopFor(problem: CameraProblem): void {
    this.quit(named("camera", problem));
  }

  /** Switch the camera off, and say why. */
  private quit(trouble: string): void {
    this.drop();
    this.trouble = trouble;
    this.step = trouble === "" ? "consent" : "refused";
    void this.updateComplete.then(() => this.querySelector<HTMLElement>("[data-start], [name=consent]")?.focus());
  }

  private again(): void {
    this.drop();
    this.step = "consent";
    this.consent = NO_CONSENT;
    void this.person.reload();
  }

  /** Switch the camera off, and let go of all pictures. */
  private drop(): void {
    this.run += 1;
    this.camera.stop();
    this.pictures = [];
    this.taken = 0;
    this.hint = "";
    const video = this.querySelector("video");
    if (video) video.srcObject = null;
  }

  /** The first picture that is checked starts the analysis, which takes seconds: while the consent is written down. */
  private async warm(): Promise<void> {
    const picture = await blank();
    if (picture) await call("post", "/api/v1/faces/check", { raw: { data: picture, type: JPEG } }).catch(() => undefined);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
}

customElements.define("desk-face-enrollment", FaceEnrollment);

// In the frame of every page: how many alarms wait, whether they can sound, and new ones read aloud.
import { html, nothing, type TemplateResult } from "lit";
import type { AlarmState } from "../api/types";
import { StoreElement } from "../base/element";
import { counted, t } from "../base/i18n";
import { store } from "../live/store";
import { alarmWords } from "../parts/words";
import { icon } from "../parts/symbols";
import { sound } from "./sound";
import { begun, urgency, waiting } from "./waiting";

class Bell extends StoreElement {
  private known: Readonly<Record<string, AlarmState>> = {};
  private words = "";
  private readonly unlock = (): void => sound.unlock();

  override connectedCallback(): void {
    super.connectedCallback();
    // Any click or key on the page is one that browsers take for leave to sound.
    for (const name of ["pointerdown", "keydown"]) addEventListener(name, this.unlock);
    sound.unlock();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    for (const name of ["pointerdown", "keydown"]) removeEventListener(name, this.unlock);
    sound.want("none");
  }

  override willUpdate(): void {
    const { alarms } = store.states;
    if (alarms === this.known) return;
    const fresh = begun(this.known, alarms);
    this.known = alarms;
    const [first] = fresh;
    if (first) this.words = fresh.length === 1 ? t("alarms.new", { alarm: alarmWords(first) }) : counted("alarms.new_ones", fresh.length, { alarm: alarmWords(first) });
    sound.want(urgency(waiting(alarms)));
  }

  override render(): TemplateResult {
    const { state } = sound;
    const calls = waiting(store.states.alarms).length;
    const isMute = state !== "on";
    return html`<a class="bell ${calls > 0 ? "calls" : ""}" href="#/alarms" data-bell>${icon("alarms")}<span>${calls > 0 ? counted("alarms.waiting", calls) : t("alarms.quiet")}</span></a>
      <button type="button" class="sound ${state} ${isMute && calls > 0 ? "wanted" : ""}" data-sound=${state} title=${t(`sound.${state}_hint`)} @click=${() => sound.choose(isMute)}>${icon(isMute ? "mute" : "sound")}<span>${t(`sound.${state}`)}</span></button>
      <div class="sr" role="alert" data-alarm-words>${this.words || nothing}</div>`;
  }
}

/** Return that alarms wait and can't sound, with the button that lets them; nothing while they can. */
export function soundNotice(): TemplateResult | typeof nothing {
  const { state } = sound;
  if (state === "on" || (state === "blocked" && !sound.isSettled) || urgency(waiting(store.states.alarms)) === "none") return nothing;
  return html`<p class="notice warn" data-mute>${t(state === "off" ? "sound.notice_off" : "sound.notice")} <button type="button" data-sound-on @click=${() => sound.choose(true)}>${t("sound.turn_on")}</button></p>`;
}

customElements.define("desk-bell", Bell);

// The sound of alarms, made by Web Audio. Browsers let a page sound only after a click or a key on it.
import { store } from "../live/store";
import type { Urgency } from "./waiting";

const STORED = "devicemgr.sound";
/** Tones: start and length in s, pitch in Hz; and after how long they come again. */
const PATTERNS: Record<"calm" | "urgent", { tones: readonly (readonly [at: number, length: number, pitch: number])[]; everyMs: number }> = {
  urgent: { tones: [[0, 0.16, 988], [0.22, 0.16, 784], [0.44, 0.16, 988], [0.66, 0.16, 784]], everyMs: 2500 },
  calm: { tones: [[0, 0.25, 660], [0.4, 0.25, 550]], everyMs: 10_000 },
};
const VOLUME = 0.4;
const RAMP_S = 0.02;
/** Where a browser allows sound, it is there within this time. */
const START_MS = 1500;

/** `off` by choice, `blocked` by the browser until there is a click or key; else it sounds. */
export type SoundState = "off" | "blocked" | "on";

export class Sound {
  private context: AudioContext | null = null;
  private wanted: Urgency = "none";
  private timer: ReturnType<typeof setInterval> | undefined;
  /** The browser has had the time to allow sound. */
  isSettled = false;

  constructor(private readonly changed: () => void) {}

  get state(): SoundState {
    if (localStorage.getItem(STORED) === "off") return "off";
    return this.context?.state === "running" ? "on" : "blocked";
  }

  /** Try to make sound possible: it is, when this is called by a click or a key. */
  unlock(): void {
    if (localStorage.getItem(STORED) === "off") return;
    this.context ??= this.made();
    if (this.context.state !== "running") void this.context.resume().catch(() => undefined);
  }

  /** Turn sound on or off; the choice is kept in this browser. */
  choose(isOn: boolean): void {
    if (isOn) {
      localStorage.removeItem(STORED);
      this.unlock();
    } else localStorage.setItem(STORED, "off");
    this.begin();
    this.changed();
  }

  /** Sound for this urgency until it is another one. */
  want(urgency: Urgency): void {
    if (urgency === this.wanted) return;
    this.wanted = urgency;
    if (urgency !== "none") this.unlock();
    this.begin();
  }

  private made(): AudioContext {
    const context = new AudioContext();
    context.addEventListener("statechange", () => {
      this.begin();
      this.changed();
    });
    setTimeout(() => {
      this.isSettled = true;
      this.changed();
    }, START_MS);
    return context;
  }

  private begin(): void {
    clearInterval(this.timer);
    if (this.wanted === "none" || this.state !== "on") return;
    const { tones, everyMs } = PATTERNS[this.wanted];
    const play = (): void => tones.forEach(([at, length, pitch]) => this.tone(at, length, pitch));
    play();
    this.timer = setInterval(play, everyMs);
  }

  private tone(at: number, length: number, pitch: number): void {
    const { context } = this;
    if (!context || this.state !== "on") return;
    const begin = context.currentTime + at;
    const source = new OscillatorNode(context, { frequency: pitch, type: "triangle" });
    const volume = new GainNode(context, { gain: 0 });
    volume.gain.setValueAtTime(0, begin);
    volume.gain.linearRampToValueAtTime(VOLUME, begin + RAMP_S);
    volume.gain.setValueAtTime(VOLUME, begin + length - RAMP_S);
    volume.gain.linearRampToValueAtTime(0, begin + length);
    source.connect(volume).connect(context.destination);
    source.start(begin);
    source.stop(begin + length);
  }
}

export const sound = new Sound(() => store.changed());

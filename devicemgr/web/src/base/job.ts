// A long action that the daemon does as a job: begun, followed, canceled; what runs is found again after a reload.
import { html, nothing, type ReactiveController, type ReactiveControllerHost, type TemplateResult } from "lit";
import { Problem, call } from "../api/client";
import type { JobState } from "../api/types";
import { store } from "../live/store";
import { problemWords } from "../parts/words";
import { t } from "./i18n";

const POLL_MS = 400;

/** One job of its element; `T` is what the route without `/jobs` answers. */
export class Job<T> implements ReactiveController {
  state: JobState | null = null;
  /** Why it did not begin, or has failed. */
  error: unknown = null;
  private turn = 0;

  constructor(
    private readonly host: ReactiveControllerHost,
    private readonly kind: string,
    private readonly subject: () => string | null = () => null,
  ) {
    host.addController(this);
  }

  get isRunning(): boolean {
    return this.state?.phase === "running";
  }

  /** Return what came of it, in part if it was canceled; nothing before. */
  get result(): T | undefined {
    return this.state && !this.isRunning ? ((this.state.result ?? undefined) as T | undefined) : undefined;
  }

  hostConnected(): void {
    void this.find();
  }

  hostDisconnected(): void {
    this.turn += 1;
  }

  /** Forget how it ended. */
  clear(): void {
    this.turn += 1;
    this.state = null;
    this.error = null;
    this.host.requestUpdate();
  }

  async begin(start: () => Promise<JobState>): Promise<void> {
    if (this.isRunning) return;
    this.clear();
    const turn = this.turn;
    try {
      this.state = await start();
      this.host.requestUpdate();
      await this.follow(turn);
    } catch (error) {
      if (turn === this.turn) this.fail(error);
    }
  }

  async cancel(): Promise<void> {
    const job = this.state?.id;
    if (job === undefined) return;
    try {
      this.state = await call("delete", "/api/v1/jobs/{job}", { path: { job } });
      this.host.requestUpdate();
    } catch (error) {
      this.fail(error);
    }
  }

  /** Return its progress with a button to cancel it, or why it failed or ended; nothing before it began. */
  view(): TemplateResult | typeof nothing {
    const { state } = this;
    if (this.error !== null) return html`<p class="trouble" role="alert">${problemWords(this.error)}</p>`;
    if (!state) return nothing;
    if (state.phase === "canceled") return html`<p class="outcome unknown" role="status">${t("job.canceled")}</p>`;
    if (state.phase !== "running") return nothing;
    const words = state.canceling ? t("job.canceling") : state.step || t("job.running");
    return html`<div class="job" role="group" aria-label=${t("job.progress")}>
      <progress max=${state.of || 1} value=${state.of ? state.done : nothing} aria-label=${t("job.progress")}></progress>
      <span>${words}</span>
      <button type="button" class="quiet" data-cancel-job ?disabled=${state.canceling} @click=${() => void this.cancel()}>${t("job.cancel")}</button>
    </div>`;
  }

  private async find(): Promise<void> {
    if (!store.may("GET /jobs") || this.state) return;
    const turn = this.turn;
    const all = await call("get", "/api/v1/jobs").catch(() => []);
    const subject = this.subject();
    const found = all.find((job) => job.kind === this.kind && job.subject === subject && job.phase === "running");
    if (!found || turn !== this.turn) return;
    this.state = found;
    this.host.requestUpdate();
    await this.follow(turn).catch((error: unknown) => this.fail(error));
  }

  private async follow(turn: number): Promise<void> {
    while (this.isRunning && turn === this.turn) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      const job = this.state?.id;
      if (job === undefined || turn !== this.turn) return;
      const next = await call("get", "/api/v1/jobs/{job}", { path: { job } }).catch((error: unknown) => {
        if (error instanceof Problem) throw error;
        return null; // the daemon is away: asked again
      });
      if (turn !== this.turn) return;
      if (next) this.take(next);
    }
  }

  private take(next: JobState): void {
    this.state = next;
    const { problem } = next;
    if (problem) this.error = new Problem(0, problem.code, problem.detail, problem.args);
    this.host.requestUpdate();
  }

  private fail(error: unknown): void {
    this.state = null;
    this.error = error;
    this.host.requestUpdate();
  }
}

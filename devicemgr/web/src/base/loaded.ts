// What a page reads from the daemon: the answer, the problem, and when it is read again.
import { html, nothing, type ReactiveController, type ReactiveControllerHost, type TemplateResult } from "lit";
import { store } from "../live/store";
import { problemWords } from "../parts/words";
import { t } from "./i18n";

/** Those who may not follow the stream learn of no revision: their pages are read again after this time. */
const POLL_MS = 10_000;

/**
 * One answer of the daemon, read when its element appears, and again when people or site have changed.
 *
 * An answer that is overtaken by a later one is dropped. The last answer stays while it is read again, and when that fails.
 */
export class Loaded<T> implements ReactiveController {
  value: T | undefined;
  /** Why the last try failed; `null` when it did not. */
  error: unknown = null;
  isLoading = false;
  private turn = 0;
  private revision = store.revision;
  private leave: (() => void) | undefined;
  private timer: ReturnType<typeof setInterval> | undefined;

  constructor(
    private readonly host: ReactiveControllerHost,
    private readonly read: () => Promise<T>,
    /** Read again when people or site have changed. */
    private readonly follows = true,
  ) {
    host.addController(this);
  }

  hostConnected(): void {
    this.revision = store.revision;
    this.leave = store.subscribe(() => this.look());
    if (this.follows && !store.may("GET /events/stream")) this.timer = setInterval(() => void this.reload(), POLL_MS);
    void this.reload();
  }

  hostDisconnected(): void {
    this.turn += 1;
    this.leave?.();
    clearInterval(this.timer);
  }

  /** Read again; what was read before stays until then. */
  async reload(): Promise<void> {
    const turn = ++this.turn;
    this.isLoading = true;
    this.host.requestUpdate();
    try {
      const value = await this.read();
      if (turn !== this.turn) return;
      this.value = value;
      this.error = null;
    } catch (error) {
      if (turn !== this.turn) return;
      this.error = error;
    }
    this.isLoading = false;
    this.host.requestUpdate();
  }

  /** Return the problem with a button to try again, or that it is being read; nothing once there is an answer. */
  notice(): TemplateResult | typeof nothing {
    if (this.error !== null) {
      return html`<p class="trouble" role="alert">
        ${problemWords(this.error)} <button type="button" class="quiet" @click=${() => void this.reload()}>${t("action.retry")}</button>
      </p>`;
    }
    return this.value === undefined ? html`<p class="empty">${t("page.loading")}</p>` : nothing;
  }

  private look(): void {
    if (!this.follows || store.revision === this.revision || store.link !== "live") return;
    this.revision = store.revision;
    void this.reload();
  }
}

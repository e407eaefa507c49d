// One plan as it is being edited: each change is saved at once, with the revision that it builds on.
import type { ReactiveController, ReactiveControllerHost } from "lit";
import { Problem, call } from "../../api/client";
import type { Placement, Plan } from "../../api/types";
import { t } from "../../base/i18n";
import { say } from "../../parts/status";
import { problemWords } from "../../parts/words";
import { History } from "./history";

export type Saving = "saved" | "saving" | "failed";

/**
 * Holds what is shown of the plan. While a change is being saved, further ones wait and are saved together.
 *
 * Nothing is overwritten blindly: when another has changed the plan, theirs is shown, and the own change is dropped.
 */
export class Editor implements ReactiveController {
  readonly history = new History();
  plan: Plan | undefined;
  saving: Saving = "saved";
  private isSending = false;
  private wanted: readonly Placement[] | null = null;

  constructor(private readonly host: ReactiveControllerHost) {
    host.addController(this);
  }

  hostConnected(): void {
    this.host.requestUpdate();
  }

  get placements(): readonly Placement[] {
    return this.plan?.placements ?? [];
  }

  /** Take the plan as the daemon has it; an older one, or one that is overtaken by a change here, is not taken. */
  take(plan: Plan | undefined): void {
    const before = this.plan;
    if (plan && before && plan.name === before.name) {
      if (this.isSending || plan.revision <= before.revision) return;
      this.history.clear();
    } else if (plan !== before) this.history.clear();
    this.plan = plan;
    this.saving = "saved";
  }

  /** Show a change and save it; `label` joins quick changes of one kind to one step of undoing. */
  change(placements: readonly Placement[], label = ""): void {
    if (!this.plan) return;
    this.history.note(this.placements, label);
    this.put(placements);
  }

  undo(): void {
    const before = this.history.undo(this.placements);
    if (before) this.put(before);
  }

  redo(): void {
    const after = this.history.redo(this.placements);
    if (after) this.put(after);
  }

  /** Save once more what could not be saved. */
  retry(): void {
    this.put(this.placements);
  }

  private put(placements: readonly Placement[]): void {
    if (!this.plan) return;
    this.plan = { ...this.plan, placements: [...placements] };
    this.wanted = placements;
    this.saving = "saving";
    this.host.requestUpdate();
    if (!this.isSending) void this.send();
  }

  private async send(): Promise<void> {
    this.isSending = true;
    while (this.wanted && this.plan) {
      const { name, revision } = this.plan;
      const placements = this.wanted.map((one) => ({ ...one, points: one.points ?? [] }));
      this.wanted = null;
      try {
        const found = await call("put", "/api/v1/plans/{name}/placements", { path: { name } }, { revision, placements });
        if (this.plan.name === name) this.plan = { ...this.plan, revision: found.revision };
        this.saving = "saved";
      } catch (error) {
        await this.failed(error, name);
      }
      this.host.requestUpdate();
    }
    this.isSending = false;
  }

  /** Show what the daemon has where it refused; without an answer the change stays here, to be saved again. */
  private async failed(error: unknown, name: string): Promise<void> {
    this.saving = "failed";
    if (!(error instanceof Problem)) return;
    this.wanted = null;
    say(error.code === "plan_changed" ? t("plan.changed_by_others") : problemWords(error), "bad");
    const found = await call("get", "/api/v1/plans/{name}", { path: { name } }).catch(() => undefined);
    if (!found || this.plan?.name !== name) return;
    this.plan = found;
    this.history.clear();
    this.saving = "saved";
  }
}

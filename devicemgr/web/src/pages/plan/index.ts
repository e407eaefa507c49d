// The plans of the site: how everything stands, where it stands; technicians place things on them.
import { html, nothing, type TemplateResult } from "lit";
import { call } from "../../api/client";
import type { Plan, PlanSummary } from "../../api/types";
import { StoreElement } from "../../base/element";
import { clock } from "../../base/dates";
import { t } from "../../base/i18n";
import { Loaded } from "../../base/loaded";
import { go, href } from "../../base/router";
import { store } from "../../live/store";
import { confirmed } from "../../parts/confirm";
import { say } from "../../parts/status";
import { tabs } from "../../parts/tabs";
import { problemWords } from "../../parts/words";
import "./board";
import { Editor } from "./editor";
import { isPresent } from "./layer";
import "./panel";
import { keyOf, missing, withThing, type Thing } from "./placements";
import "./plan.css";
import "./upload";

const KINDS: readonly Thing["kind"][] = ["portal", "device", "zone"];

class PlanPage extends StoreElement {
  static override properties = { rest: { attribute: false }, selected: { state: true }, isEditing: { state: true }, isUploading: { state: true } };
  declare rest: readonly string[];
  declare selected: Thing | null;
  declare isEditing: boolean;
  declare isUploading: boolean;
  private name = "";
  private readonly editor = new Editor(this);
  private readonly plans = new Loaded<PlanSummary[]>(this, () => call("get", "/api/v1/plans"));
  private readonly plan = new Loaded<Plan | undefined>(this, () => this.readPlan());
  private readonly zones = new Loaded<{ name: string }[]>(this, () => call("get", "/api/v1/zones"));

  constructor() {
    super();
    this.rest = [];
    this.selected = null;
    this.isEditing = false;
    this.isUploading = false;
  }

  private async readPlan(): Promise<Plan | undefined> {
    return this.name === "" ? undefined : call("get", "/api/v1/plans/{name}", { path: { name: this.name } });
  }

  private get mayEdit(): boolean {
    return store.may("PUT /plans/{name}/placements");
  }

  override willUpdate(): void {
    const wanted = this.rest[0] ?? this.plans.value?.[0]?.name ?? "";
    if (wanted !== this.name) {
      this.name = wanted;
      this.selected = null;
      this.plan.value = undefined;
      this.editor.take(undefined);
      void this.plan.reload();
    }
    if (this.plan.value) this.editor.take(this.plan.value);
  }

  override render(): TemplateResult {
    const plans = this.plans.value;
    if (!plans) return html`<section class="page plan">${this.plans.notice()}</section>`;
    if (plans.length === 0) return this.empty();
    return html`<section class="page plan">
      ${plans.length > 1 ? tabs(plans.map(({ name }) => ({ name, words: name, href: href("plan", name) })), this.name, t("plan.all")) : nothing}
      ${this.tools()}
      ${this.isUploading ? html`<desk-plan-upload .plan=${this.isEditing ? this.name : ""} .revision=${this.editor.plan?.revision} @uploaded=${(event: CustomEvent<string | null>) => this.uploaded(event.detail)}></desk-plan-upload>` : nothing}
      ${store.hasStates && !isPresent() ? html`<p class="notice warn" data-stale>${t("plan.stale", { time: clock(store.lastMessage) })}</p>` : nothing}
      ${!plans.some((one) => one.name === this.name) ? html`<p class="empty">${t("plan.unknown", { plan: this.name })}</p>` : this.editor.plan ? this.sheet(this.editor.plan) : this.plan.notice()}
    </section>`;
  }

  private empty(): TemplateResult {
    return html`<section class="page plan">
      <div class="empty">
        <p>${t("plan.none")}</p>
        <p>${t(this.mayEdit ? "plan.none_add" : "plan.none_ask")}</p>
      </div>
      ${this.mayEdit ? html`<desk-plan-upload @uploaded=${(event: CustomEvent<string | null>) => this.uploaded(event.detail)}></desk-plan-upload>` : nothing}
    </section>`;
  }

  private sheet(plan: Plan): TemplateResult {
    const chosen = this.selected;
    return html`${plan.picture ? nothing : html`<p class="notice warn">${t("plan.no_picture")}</p>`}
      <div class="plan-sheet ${chosen ? "with-panel" : ""}">
        <desk-plan-board
          .editor=${this.editor}
          .selected=${chosen}
          .isEditing=${this.isEditing}
          @select-thing=${(event: CustomEvent<Thing | null>) => (this.selected = event.detail)}
          @open-thing=${() => void this.updateComplete.then(() => this.querySelector("desk-plan-panel")?.reach())}
        ></desk-plan-board>
        ${chosen ? html`<desk-plan-panel .thing=${chosen} .editor=${this.editor} .isEditing=${this.isEditing} @close-thing=${() => this.closePanel(chosen)}></desk-plan-panel>` : nothing}
      </div>`;
  }

  private closePanel(thing: Thing): void {
    this.selected = null;
    const board = this.querySelector("desk-plan-board");
    if (this.editor.placements.some((one) => keyOf(one) === keyOf(thing))) board?.reach(thing);
    else board?.querySelector<HTMLElement>(".plan-board")?.focus();
  }

  private tools(): TemplateResult {
    const board = (): HTMLElementTagNameMap["desk-plan-board"] | null => this.querySelector("desk-plan-board");
    return html`<div class="tools" role="toolbar" aria-label=${t("plan.tools")}>
      <button type="button" class="quiet" data-zoom-in aria-label=${t("plan.zoom_in")} @click=${() => board()?.zoomIn()}>+</button>
      <button type="button" class="quiet" data-zoom-out aria-label=${t("plan.zoom_out")} @click=${() => board()?.zoomOut()}>−</button>
      <button type="button" class="quiet" data-whole @click=${() => board()?.whole()}>${t("plan.whole")}</button>
      ${this.mayEdit ? html`<button type="button" class="quiet" data-edit aria-pressed=${this.isEditing} @click=${() => this.toggleEditing()}>${t("plan.edit")}</button>` : nothing}
      ${this.isEditing ? this.editTools() : this.mayEdit ? html`<button type="button" class="quiet" data-new aria-expanded=${this.isUploading} @click=${() => (this.isUploading = !this.isUploading)}>${t("plan.add")}</button>` : nothing}
    </div>`;
  }

  private toggleEditing(): void {
    this.isEditing = !this.isEditing;
    this.isUploading = false;
  }

  private editTools(): TemplateResult {
    const { history, saving } = this.editor;
    const isAway = store.link === "away";
    return html`<button type="button" class="quiet" data-undo ?disabled=${!history.canUndo} @click=${() => this.editor.undo()}>${t("plan.undo")}</button>
      <button type="button" class="quiet" data-redo ?disabled=${!history.canRedo} @click=${() => this.editor.redo()}>${t("plan.redo")}</button>
      ${this.adding()}
      <button type="button" class="quiet" data-replace aria-expanded=${this.isUploading} @click=${() => (this.isUploading = !this.isUploading)}>${t("plan.replace")}</button>
      <button type="button" class="quiet danger" data-remove-plan ?disabled=${isAway} @click=${() => void this.removePlan()}>${t("plan.remove")}</button>
      <span class="saving" role="status" data-saving=${saving}>${t(`plan.${saving}`)}</span>
      ${saving === "failed" ? html`<button type="button" data-retry @click=${() => this.editor.retry()}>${t("action.retry")}</button>` : nothing}`;
  }

  private adding(): TemplateResult {
    const known: Record<Thing["kind"], string[]> = {
      portal: Object.keys(store.states.portals),
      device: Object.keys(store.states.devices),
      zone: this.zones.value?.map(({ name }) => name) ?? [],
    };
    const left = missing(this.editor.placements, KINDS.flatMap((kind) => known[kind].map((name) => ({ kind, name }))));
    return html`<select data-add aria-label=${t("plan.place")} ?disabled=${left.length === 0} @change=${(event: Event) => this.add(event.target as HTMLSelectElement, left)}>
      <option value="" selected>${left.length > 0 ? t("plan.place") : t("plan.all_placed")}</option>
      ${KINDS.filter((kind) => left.some((thing) => thing.kind === kind)).map(
        (kind) => html`<optgroup label=${t(`plan.kinds.${kind}`)}>${left.filter((thing) => thing.kind === kind).map((thing) => html`<option value=${keyOf(thing)}>${thing.name}</option>`)}</optgroup>`,
      )}
    </select>`;
  }

  private add(choice: HTMLSelectElement, left: readonly Thing[]): void {
    const thing = left.find((one) => keyOf(one) === choice.value);
    choice.value = "";
    const board = this.querySelector("desk-plan-board");
    if (!thing || !board) return;
    this.editor.change(withThing(this.editor.placements, thing, board.middle()));
    this.selected = thing;
    void this.updateComplete.then(() => board.reach(thing));
  }

  private uploaded(name: string | null): void {
    this.isUploading = false;
    if (name === null) return;
    void this.plans.reload();
    void this.plan.reload();
    go(href("plan", name));
  }

  private async removePlan(): Promise<void> {
    const { plan } = this.editor;
    if (!plan) return;
    const given = await confirmed({ title: t("plan.remove_title", { plan: plan.name }), effect: t("plan.remove_effect"), action: t("plan.remove"), isDangerous: true });
    if (!given) return;
    try {
      await call("delete", "/api/v1/plans/{name}", { path: { name: plan.name }, query: { revision: this.editor.plan?.revision } });
      say(t("plan.removed", { plan: plan.name }));
      this.isEditing = false;
      this.isUploading = false;
      await this.plans.reload();
      go("#/plan");
    } catch (error) {
      say(problemWords(error), "bad");
    }
  }
}

customElements.define("desk-plan", PlanPage);

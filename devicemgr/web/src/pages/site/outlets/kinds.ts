// Which events leave: all that are usual, or groups of them and single kinds, in words.
import { html, nothing, type TemplateResult } from "lit";
import { DeskElement } from "../../../base/element";
import { keysOf, named, t } from "../../../base/i18n";
import { checkField } from "../../../parts/fields";
import "../editing/names";

/** `kinds` are those of the daemon: kinds of events, groups such as `admin.*`, and `alarms`. */
export interface Chosen {
  isAll: boolean;
  kinds: readonly string[];
}

export const ALL: Chosen = { isAll: true, kinds: [] };

/** The groups of kinds by name, in the order of the form. */
export const GROUPS: Readonly<Record<string, readonly string[]>> = {
  decisions: ["access_granted", "access_denied"],
  passages: ["passage_*"],
  alarms: ["alarms"],
  administration: ["admin.*"],
  devices: ["device_*"],
  visits: ["visit_*"],
};
const NAMES = Object.keys(GROUPS);

export function isChosen({ isAll, kinds }: Chosen): boolean {
  return isAll || kinds.length > 0;
}

/** Return the groups that are whole in a list of kinds, and the kinds of none of them. */
export function grouped(kinds: readonly string[]): { groups: string[]; rest: string[] } {
  const groups = NAMES.filter((name) => (GROUPS[name] ?? []).every((kind) => kinds.includes(kind)));
  const inGroups = groups.flatMap((name) => GROUPS[name] ?? []);
  return { groups, rest: kinds.filter((kind) => !inGroups.includes(kind)) };
}

/** Return kinds in words; nothing for all. */
export function kindsWords(kinds: readonly string[]): string {
  const { groups, rest } = grouped(kinds);
  return [...groups.map((name) => named("outlet_group", name)), ...rest.map(oneWords)].join(", ");
}

function oneWords(kind: string): string {
  return kind.endsWith("*") ? kind : named("kind", kind);
}

class OutletKinds extends DeskElement {
  static override properties = { chosen: { attribute: false }, isDisabled: { attribute: false }, error: {} };
  declare chosen: Chosen;
  declare isDisabled: boolean;
  declare error: string | undefined;

  override render(): TemplateResult {
    const { isAll, kinds } = this.chosen;
    return html`<fieldset class="field choices" data-kinds aria-describedby=${this.error ? "kinds-error" : nothing}>
      <legend>${t("outlet.which")}</legend>
      ${this.choice(true, t("outlet.usual_kinds"))} ${this.choice(false, t("outlet.these_kinds"))}
      ${isAll ? nothing : this.those(kinds)}
      ${this.error ? html`<small id="kinds-error" class="error" role="alert">${this.error}</small>` : nothing}
    </fieldset>`;
  }

  private choice(isAll: boolean, words: string): TemplateResult {
    return html`<label class="check"><input type="radio" name="kinds-all" value=${isAll ? "all" : "these"} ?disabled=${this.isDisabled} .checked=${this.chosen.isAll === isAll} @change=${() => this.change({ ...this.chosen, isAll })} />${words}</label>`;
  }

  private those(kinds: readonly string[]): TemplateResult {
    const { groups, rest } = grouped(kinds);
    const offered = keysOf("kind").filter((kind) => kind !== "admin" && !kind.startsWith("admin."));
    const set = (found: readonly string[]): void => this.change({ isAll: false, kinds: [...new Set(found)].sort() });
    return html`<div class="groups">
        ${NAMES.map((name) => {
          const own = GROUPS[name] ?? [];
          return checkField({ name: `kinds-${name}`, label: named("outlet_group", name), isDisabled: this.isDisabled, isOn: groups.includes(name), change: (isOn) => set(isOn ? [...kinds, ...own] : kinds.filter((kind) => !own.includes(kind))) });
        })}
      </div>
      <desk-names .label=${t("outlet.other_kinds")} .name=${"other-kinds"} .value=${rest} .offered=${offered} .words=${oneWords} .isDisabled=${this.isDisabled} @names=${(event: CustomEvent<string[]>) => set([...kinds.filter((kind) => !rest.includes(kind)), ...event.detail])}></desk-names>`;
  }

  private change(chosen: Chosen): void {
    this.dispatchEvent(new CustomEvent<Chosen>("chosen", { detail: chosen }));
  }
}

customElements.define("desk-outlet-kinds", OutletKinds);

// Which level covers which portal by which schedule, and changes that are not saved yet.

/** `always`, or the name of a schedule after `@`; none for a portal that is not covered. */
export type Coverage = string | undefined;

export const ALWAYS = "always";

export interface LevelLike {
  name: string;
  portals: { portal: string; schedule: string | null }[];
  waives: string[];
  visitors: boolean;
  escorts: boolean;
  escort_up_to: number;
}

/** What is stored, and what is chosen instead: by level, then by portal. */
export class Matrix {
  private readonly stored = new Map<string, Map<string, string>>();
  private readonly chosen = new Map<string, Map<string, Coverage>>();

  constructor(private readonly levels: readonly LevelLike[]) {
    for (const level of levels) {
      const row = level.portals.map(({ portal, schedule }): [string, string] => [portal, schedule === null ? ALWAYS : `@${schedule}`]);
      this.stored.set(level.name, new Map(row));
    }
  }

  at(level: string, portal: string): Coverage {
    const row = this.chosen.get(level);
    return row?.has(portal) ? row.get(portal) : this.stored.get(level)?.get(portal);
  }

  isChanged(level: string, portal: string): boolean {
    return this.chosen.get(level)?.has(portal) ?? false;
  }

  set(level: string, portal: string, coverage: Coverage): void {
    const row = this.chosen.get(level) ?? new Map<string, Coverage>();
    if (coverage === this.stored.get(level)?.get(portal)) row.delete(portal);
    else row.set(portal, coverage);
    if (row.size > 0) this.chosen.set(level, row);
    else this.chosen.delete(level);
  }

  get changes(): number {
    return [...this.chosen.values()].reduce((sum, row) => sum + row.size, 0);
  }

  /** Return the portals of a level as they would be. */
  portalsOf(level: string): Map<string, string> {
    const found = new Map(this.stored.get(level) ?? []);
    for (const [portal, coverage] of this.chosen.get(level) ?? []) {
      if (coverage === undefined) found.delete(portal);
      else found.set(portal, coverage);
    }
    return found;
  }

  /** Return the levels that would cover no portal, which a level can't. */
  empty(): string[] {
    return [...this.chosen.keys()].filter((level) => this.portalsOf(level).size === 0);
  }

  /** Take over what is chosen in another matrix, for levels and portals that are still there. */
  take(before: Matrix, portals: ReadonlySet<string>): void {
    for (const [level, row] of before.chosen) {
      if (!this.stored.has(level)) continue;
      for (const [portal, coverage] of row) if (portals.has(portal)) this.set(level, portal, coverage);
    }
  }

  /** Return the part of the site's file that says what is chosen: the levels that change, whole. */
  toml(): string {
    return this.levels.filter((level) => this.chosen.has(level.name)).map((level) => this.table(level)).join("\n");
  }

  private table(level: LevelLike): string {
    const portals = [...this.portalsOf(level.name)].map(([portal, coverage]) => portal + (coverage === ALWAYS ? "" : coverage)).sort();
    const fields = { portals, waives: level.waives, visitors: level.visitors, escorts: level.escorts, escort_up_to: level.escort_up_to };
    // JSON's strings, lists, numbers and truth values are those of TOML.
    const lines = Object.entries(fields).map(([name, value]) => `${name} = ${JSON.stringify(value)}\n`);
    return `[levels.${JSON.stringify(level.name)}]\n${lines.join("")}`;
  }
}

/** Return the first and the last index of what is seen, with a margin, and how far before and behind it goes on. */
export function seen(offset: number, extent: number, size: number, count: number, margin = 3): { first: number; last: number } {
  if (size <= 0) return { first: 0, last: Math.min(count, 30) };
  const first = Math.max(0, Math.floor(offset / size) - margin);
  return { first: Math.min(first, count), last: Math.min(count, Math.ceil((offset + extent) / size) + margin) };
}

// Zones in the order of a tree.

/** Return zones with how deep each is, each after its parent and by name; what is in a circle stands at the top. */
export function depths<T extends { name: string; parent: string | null }>(zones: readonly T[]): Map<T, number> {
  const names = new Set(zones.map((zone) => zone.name));
  const sorted = [...zones].sort((a, b) => a.name.localeCompare(b.name));
  const found = new Map<T, number>();
  const add = (zone: T, depth: number): void => {
    if (found.has(zone)) return;
    found.set(zone, depth);
    for (const child of sorted) if (child.parent === zone.name) add(child, depth + 1);
  };
  for (const zone of sorted) if (zone.parent === null || !names.has(zone.parent)) add(zone, 0);
  for (const zone of sorted) add(zone, 0);
  return found;
}

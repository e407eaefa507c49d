// The windows of a week as intervals, such as the daemon writes them: `mon-fri 08:00-18:00`.

export const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;
export const DAY_MINUTES = 1440;
const WEEK_MINUTES = 7 * DAY_MINUTES;
const WINDOW = /^([a-z][a-z,\- ]*?)\s+(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})$/;

/** Minutes of a day on which it begins, 0 for Monday; one over midnight ends after 1440. */
export interface Interval {
  day: number;
  from: number;
  to: number;
}

/** Return the intervals of a window's text; null for what is none. */
export function parseWindow(text: string): Interval[] | null {
  const found = WINDOW.exec(text.trim().toLowerCase().replace("–", "-"));
  if (!found) return null;
  const days = parseDays(found[1] ?? "");
  const [h1, m1, h2, m2] = found.slice(2).map(Number) as [number, number, number, number];
  if (!days || h1 > 23 || h2 > 24 || m1 > 59 || m2 > 59 || (h2 === 24 && m2 > 0)) return null;
  const from = h1 * 60 + m1;
  const until = h2 * 60 + m2;
  if (until === from) return null;
  const to = until > from ? until : until + DAY_MINUTES;
  return days.map((day) => ({ day, from, to }));
}

/** Return all intervals of windows in order; what is no window is left out. */
export function intervalsOf(windows: readonly string[]): Interval[] {
  return ordered(windows.flatMap((text) => parseWindow(text) ?? []));
}

/** Return the windows of intervals: days with the same hours together. */
export function windowsOf(intervals: readonly Interval[]): string[] {
  const days = new Map<string, number[]>();
  for (const { day, from, to } of ordered(intervals)) {
    const hours = `${time(from)}-${to === DAY_MINUTES ? "24:00" : time(to % DAY_MINUTES)}`;
    days.set(hours, [...(days.get(hours) ?? []), day]);
  }
  return [...days].map(([hours, found]) => `${formatDays(found)} ${hours}`);
}

/** Return the intervals with a span of one day open, or closed. */
export function painted(intervals: readonly Interval[], day: number, from: number, to: number, isOpen: boolean): Interval[] {
  if (from >= to) return [...intervals];
  if (!isOpen) return ordered(intervals.flatMap((one) => without(one, day * DAY_MINUTES + from, day * DAY_MINUTES + to)));
  const touching = intervals.filter((one) => one.day === day && one.from <= to && one.to >= from);
  const merged = { day, from: Math.min(from, ...touching.map((one) => one.from)), to: Math.max(to, ...touching.map((one) => one.to)) };
  // Over a whole day long it could not be written as one window.
  if (merged.to - merged.from >= DAY_MINUTES && merged.to > DAY_MINUTES) {
    return ordered([...intervals.filter((one) => !touching.includes(one)), { day, from: merged.from, to: DAY_MINUTES }, { day: (day + 1) % 7, from: 0, to: merged.to - DAY_MINUTES }]);
  }
  return ordered([...intervals.filter((one) => !touching.includes(one)), merged]);
}

/** Return what part of a span of a day is open, 0 to 1; of the day before too, where it goes on over midnight. */
export function openPart(intervals: readonly Interval[], day: number, from: number, to: number): number {
  const begin = day * DAY_MINUTES + from;
  const end = day * DAY_MINUTES + to;
  const pieces = intervals
    .flatMap(spans)
    .map(([a, b]) => [Math.max(a, begin), Math.min(b, end)] as const)
    .filter(([a, b]) => a < b)
    .sort(([a], [b]) => a - b);
  let open = 0;
  let reached = begin;
  for (const [a, b] of pieces) {
    open += Math.max(0, b - Math.max(a, reached));
    reached = Math.max(reached, b);
  }
  return open / (end - begin);
}

/** Return minutes as a time of day. */
export function time(minutes: number): string {
  return `${String(Math.floor(minutes / 60)).padStart(2, "0")}:${String(minutes % 60).padStart(2, "0")}`;
}

/** Return an interval as spans of the week's minutes; one over Sunday's midnight begins again with Monday. */
function spans({ day, from, to }: Interval): [number, number][] {
  const begin = day * DAY_MINUTES + from;
  const end = day * DAY_MINUTES + to;
  return end <= WEEK_MINUTES ? [[begin, end]] : [[begin, WEEK_MINUTES], [0, end - WEEK_MINUTES]];
}

/** Return what is left of an interval without a span of the week, which Sunday's may reach once more after midnight. */
function without(interval: Interval, begin: number, end: number): Interval[] {
  return [0, WEEK_MINUTES].reduce((left, shift) => left.flatMap((one) => cut(one, begin + shift, end + shift)), [interval]);
}

function cut(interval: Interval, begin: number, end: number): Interval[] {
  const first = interval.day * DAY_MINUTES + interval.from;
  const last = interval.day * DAY_MINUTES + interval.to;
  const pieces: [number, number][] = [
    [first, Math.min(last, begin)],
    [Math.max(first, end), last],
  ];
  return pieces.filter(([a, b]) => a < b).map(([a, b]) => ofWeek(a, b, interval));
}

function ofWeek(begin: number, end: number, whole: Interval): Interval {
  if (begin === whole.day * DAY_MINUTES + whole.from) return { ...whole, to: end - whole.day * DAY_MINUTES };
  const day = Math.floor(begin / DAY_MINUTES);
  return { day: day % 7, from: begin - day * DAY_MINUTES, to: end - day * DAY_MINUTES };
}

function ordered(intervals: readonly Interval[]): Interval[] {
  return [...intervals].sort((a, b) => a.day - b.day || a.from - b.from || a.to - b.to);
}

function parseDays(text: string): number[] | null {
  if (text === "daily") return [0, 1, 2, 3, 4, 5, 6];
  const found = new Set<number>();
  for (const part of text.split(",")) {
    const [first = -1, last] = part.split("-").map((name) => DAYS.indexOf(name.trim() as (typeof DAYS)[number]));
    if (first < 0 || last === -1) return null;
    const length = last === undefined ? 0 : (last - first + 7) % 7;
    for (let step = 0; step <= length; step++) found.add((first + step) % 7);
  }
  return [...found];
}

function formatDays(days: readonly number[]): string {
  const found = new Set(days);
  if (found.size === 7) return "daily";
  const begins = [...found].filter((day) => !found.has((day + 6) % 7)).sort((a, b) => a - b);
  const runs = begins.map((begin) => {
    let last = begin;
    while (found.has((last + 1) % 7)) last = (last + 1) % 7;
    return last === begin ? DAYS[begin] : `${DAYS[begin] ?? ""}-${DAYS[last] ?? ""}`;
  });
  return runs.join(",");
}

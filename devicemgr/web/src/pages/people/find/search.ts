// Search for people: by name, badge and card, whatever the case, the accents and the spelling in another script.
import { foldedName, soundOf, soundsOf } from "./spelling";

/** What the search looks at. */
export interface Findable {
  badge: string;
  name: string;
  cards: readonly string[];
}

/** One person, made ready for the search once. */
export interface Entry<T extends Findable> {
  person: T;
  /** Name, badge and cards as they are written, a line each. */
  text: string;
  /** The same with a space before each word. */
  words: string;
  /** The name as it sounds, in each way in which it may be spelled. */
  sound: string;
}

export function entryOf<T extends Findable>(person: T): Entry<T> {
  const text = foldedName([person.name, person.badge, ...person.cards, ...person.cards.map(bare)].join("\n"));
  return { person, text: `\n${text}\n`, words: ` ${spaced(text)}`, sound: ` ${spaced(soundsOf(person.name).join(" "))}` };
}

/** A card's number as one types it without what separates its parts. */
function bare(card: string): string {
  return card.replace(/[\s:.-]/g, "");
}

/** Words apart by one space each. */
function spaced(text: string): string {
  return text.replace(/[\s-]+/g, " ");
}

interface Word {
  text: string;
  /** Empty for one without a sound. */
  sound: string;
  /** How a word begins with it, as it is written and as it sounds. */
  begins: string;
  beginsSound: string;
}

function wordOf(text: string, sound: string): Word {
  return { text, sound, begins: ` ${spaced(text)}`, beginsSound: ` ${sound}` };
}

/** Return the entries that have all words of `wanted`, the best first: whole numbers, beginnings of words, the rest. */
export function found<T extends Findable>(entries: readonly Entry<T>[], wanted: string): Entry<T>[] {
  const words = wordsOf(wanted);
  if (words.length === 0) return [...entries];
  const whole = `\n${foldedName(wanted)}\n`;
  const all = matching(entries, words, whole);
  return all.length > 0 ? all : matching(entries, words.map(unfinished), whole);
}

function matching<T extends Findable>(entries: readonly Entry<T>[], words: readonly Word[], whole: string): Entry<T>[] {
  const ranked: Entry<T>[][] = [[], [], []];
  for (const entry of entries) if (words.every((word) => has(entry, word))) ranked[rank(entry, words, whole)]?.push(entry);
  return ranked.flat();
}

/** Return a word without its last letter where that may be the first of two that are one sound, as in Kozhabekova. */
function unfinished({ text, sound }: Word): Word {
  const isOpen = sound.length > 2 && /[zkgscyi]$/.test(text);
  return isOpen ? wordOf(text, soundOf(text.slice(0, -1))) : wordOf(text, sound);
}

function wordsOf(wanted: string): Word[] {
  return foldedName(wanted)
    .split(/\s+/)
    .filter((word) => word !== "")
    .map((text) => wordOf(text, soundOf(text)));
}

function has<T extends Findable>(entry: Entry<T>, { text, sound }: Word): boolean {
  return entry.text.includes(text) || (sound !== "" && entry.sound.includes(sound));
}

function rank<T extends Findable>(entry: Entry<T>, words: readonly Word[], whole: string): number {
  if (entry.text.includes(whole)) return 0;
  return words.every((word) => entry.words.includes(word.begins) || (word.sound !== "" && entry.sound.includes(word.beginsSound))) ? 1 : 2;
}

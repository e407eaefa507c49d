// How a name is spelled in other scripts. Names of Kazakh are written in Kazakh, Russian and Latin letters, each in
// several ways; two spellings that sound alike have one sound here.

// Letters that have no accent to be taken off. The Kazakh ones stand for how Russian spells them.
const LETTERS: Record<string, string> = {
  ...{ ı: "i", ł: "l", ø: "o", đ: "d", ð: "d", þ: "th", æ: "ae", œ: "oe", ß: "ss", ς: "σ", ŋ: "n" },
  ...{ ә: "а", ғ: "г", қ: "к", ң: "н", ө: "о", ұ: "у", ү: "у", һ: "х", і: "и", ї: "и", є: "е", ґ: "г", ў: "у" },
};
const LATIN: Record<string, string> = {
  ...{ а: "a", б: "b", в: "v", г: "g", д: "d", е: "e", ж: "j", з: "z", и: "i", й: "i", к: "k", л: "l", м: "m" },
  ...{ н: "n", о: "o", п: "p", р: "r", с: "s", т: "t", у: "u", ф: "f", х: "h", ц: "ts", ч: "ch", ш: "sh", щ: "sh" },
  ...{ ъ: "", ы: "i", ь: "", э: "e", ю: "iu", я: "ia" },
};
const SPECIAL = new RegExp(`[${Object.keys(LETTERS).join("")}]`, "g");
const CYRILLIC = /[а-я]/g;
// What else a letter may become: Өтеген is also Утеген, Ёлкина also Yolkina, Таңат also Tangat.
const OTHERWISE: Record<string, string> = { ө: "у", ё: "ио", ң: "нг" };

/** Return a text without case, accents and the letters' own shapes, in its script. */
export function foldedName(text: string): string {
  return text
    .toLowerCase()
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .replace(SPECIAL, (letter) => LETTERS[letter] ?? letter)
    .trim();
}

/** Return how a folded text sounds, in Latin letters; empty for one without letters of either script. */
export function soundOf(folded: string): string {
  const latin = folded.replace(CYRILLIC, (letter) => LATIN[letter] ?? letter);
  if (!/[a-z]/.test(latin)) return "";
  return latin
    .replace(/['’ʼ`]/g, "")
    .replace(/shch/g, "sh")
    .replace(/zh/g, "j")
    .replace(/kh|x/g, "h")
    .replace(/gh/g, "g")
    .replace(/q/g, "k")
    .replace(/w/g, "v")
    .replace(/y/g, "i")
    .replace(/ie/g, "e")
    .replace(/(\p{L})\1+/gu, "$1");
}

/** Return all ways in which a name sounds. */
export function soundsOf(name: string): string[] {
  const lower = name.toLowerCase().normalize("NFC");
  const other = lower.replace(/[өёң]/g, (letter) => OTHERWISE[letter] ?? letter);
  return [...new Set([lower, other].map((one) => soundOf(foldedName(one))))].filter((sound) => sound !== "");
}

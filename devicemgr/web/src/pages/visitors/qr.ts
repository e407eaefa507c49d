// QR codes for the numbers of visits: version 1, error correction Q, alphanumeric (ISO/IEC 18004).
const SIZE = 21;
const DATA_BYTES = 13;
const CHECK_BYTES = 13;
const LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";
export const MAX_LETTERS = 16;

const ALPHANUMERIC = 0b0010;
const COUNT_BITS = 9;
const LEVEL_Q = 0b11;
const FORMAT_GENERATOR = 0x537;
const FORMAT_MASK = 0x5412;
const FIELD = 0x11d;

const MASKS: readonly ((row: number, column: number) => boolean)[] = [
  (row, column) => (row + column) % 2 === 0,
  (row) => row % 2 === 0,
  (_, column) => column % 3 === 0,
  (row, column) => (row + column) % 3 === 0,
  (row, column) => (Math.floor(row / 2) + Math.floor(column / 3)) % 2 === 0,
  (row, column) => ((row * column) % 2) + ((row * column) % 3) === 0,
  (row, column) => (((row * column) % 2) + ((row * column) % 3)) % 2 === 0,
  (row, column) => (((row + column) % 2) + ((row * column) % 3)) % 2 === 0,
];

type Grid = boolean[][];

/** Return the code of a text as rows of dark squares; RangeError for one that does not fit. */
export function qrCode(text: string): Grid {
  const bits = bitsOf(text);
  const grids = MASKS.map((_, mask) => drawn(bits, mask));
  return grids.reduce((best, grid) => (penalty(grid) < penalty(best) ? grid : best));
}

/** Return the dark squares as the path of an SVG element, a unit a square. */
export function qrPath(grid: Grid): string {
  const runs = grid.flatMap((line, row) => [...line.map((isDark) => (isDark ? "#" : ".")).join("").matchAll(/#+/g)].map((run) => `M${run.index} ${row}h${run[0].length}v1h-${run[0].length}z`));
  return runs.join("");
}

function bitsOf(text: string): number[] {
  const letters = Array.from(text, (letter) => LETTERS.indexOf(letter));
  if (letters.length > MAX_LETTERS || letters.includes(-1)) throw new RangeError(`no QR code of this size holds ${text}`);
  const bits: number[] = [];
  const put = (value: number, length: number): void => {
    for (let at = length - 1; at >= 0; at -= 1) bits.push((value >> at) & 1);
  };
  put(ALPHANUMERIC, 4);
  put(letters.length, COUNT_BITS);
  for (let at = 0; at < letters.length; at += 2) {
    const [first = 0, second] = letters.slice(at, at + 2);
    if (second === undefined) put(first, 6);
    else put(first * LETTERS.length + second, 11);
  }
  put(0, Math.min(4, DATA_BYTES * 8 - bits.length));
  while (bits.length % 8 !== 0) bits.push(0);
  for (let pad = 0xec; bits.length < DATA_BYTES * 8; pad ^= 0xec ^ 0x11) put(pad, 8);
  for (const byte of checkBytes(bytesOf(bits))) put(byte, 8);
  return bits;
}

function bytesOf(bits: readonly number[]): number[] {
  return Array.from({ length: bits.length / 8 }, (_, byte) => bits.slice(byte * 8, byte * 8 + 8).reduce((value, bit) => value * 2 + bit, 0));
}

/** Return the Reed-Solomon remainder of the data. */
function checkBytes(data: readonly number[]): number[] {
  let generator = [1];
  for (let power = 1, count = 0; count < CHECK_BYTES; count += 1, power = times(power, 2)) {
    const raised = [...generator, 0];
    generator = raised.map((value, at) => value ^ times(generator[at - 1] ?? 0, power));
  }
  const rest = [...data, ...new Array<number>(CHECK_BYTES).fill(0)];
  for (let at = 0; at < data.length; at += 1) {
    const factor = rest[at] ?? 0;
    generator.forEach((value, place) => (rest[at + place] = (rest[at + place] ?? 0) ^ times(value, factor)));
  }
  return rest.slice(data.length);
}

/** Multiply in GF(256). */
function times(a: number, b: number): number {
  let product = 0;
  for (let bit = 7; bit >= 0; bit -= 1) {
    product = (product << 1) ^ (product >> 7 ? FIELD : 0);
    if ((b >> bit) & 1) product ^= a;
  }
  return product & 0xff;
}

function drawn(bits: readonly number[], mask: number): Grid {
  const grid: Grid = Array.from({ length: SIZE }, () => new Array<boolean>(SIZE).fill(false));
  const set = (row: number, column: number, isDark: boolean): void => {
    const line = grid[row];
    if (line) line[column] = isDark;
  };
  for (const [top, left] of [[0, 0], [0, SIZE - 7], [SIZE - 7, 0]] as const) {
    for (let row = 0; row < 7; row += 1)
      for (let column = 0; column < 7; column += 1) {
        const ring = Math.max(Math.abs(row - 3), Math.abs(column - 3));
        set(top + row, left + column, ring !== 2);
      }
  }
  for (let at = 8; at < SIZE - 8; at += 1) {
    set(6, at, at % 2 === 0);
    set(at, 6, at % 2 === 0);
  }
  const isMasked = MASKS[mask] ?? (() => false);
  places().forEach(([row, column], at) => set(row, column, (bits[at] === 1) !== isMasked(row, column)));
  setFormat(set, mask);
  return grid;
}

/** Return where bits stand: upwards and downwards through pairs of columns, from the right. */
function places(): [number, number][] {
  const found: [number, number][] = [];
  let isUp = true;
  for (let right = SIZE - 1; right > 0; right -= 2, isUp = !isUp) {
    if (right === 6) right = 5; // the timing pattern
    for (let step = 0; step < SIZE; step += 1) {
      const row = isUp ? SIZE - 1 - step : step;
      for (const column of [right, right - 1]) if (isFree(row, column)) found.push([row, column]);
    }
  }
  return found;
}

function isFree(row: number, column: number): boolean {
  const isCorner = (row < 9 && (column < 9 || column >= SIZE - 8)) || (row >= SIZE - 8 && column < 9);
  return !isCorner && row !== 6 && column !== 6;
}

function setFormat(set: (row: number, column: number, isDark: boolean) => void, mask: number): void {
  const value = (LEVEL_Q << 3) | mask;
  let rest = value << 10;
  for (let at = 14; at >= 10; at -= 1) if ((rest >> at) & 1) rest ^= FORMAT_GENERATOR << (at - 10);
  const bits = ((value << 10) | rest) ^ FORMAT_MASK;
  const isDark = (at: number): boolean => ((bits >> at) & 1) === 1;
  const around = [0, 1, 2, 3, 4, 5, 7, 8];
  around.forEach((row, at) => set(row, 8, isDark(at)));
  [7, 5, 4, 3, 2, 1, 0].forEach((column, at) => set(8, column, isDark(8 + at)));
  for (let at = 0; at < 8; at += 1) set(8, SIZE - 1 - at, isDark(at));
  for (let at = 8; at < 15; at += 1) set(SIZE - 15 + at, 8, isDark(at));
  set(SIZE - 8, 8, true);
}

/** Return how hard a code is to read: long runs, blocks, what looks like a corner, and too much of one color. */
function penalty(grid: Grid): number {
  const lines = grid.map((line) => line.map((isDark) => (isDark ? "1" : "0")).join(""));
  const columns = lines.map((_, column) => lines.map((line) => line[column]).join(""));
  const all = [...lines, ...columns];
  let found = 0;
  for (const line of all) {
    for (const [run] of line.matchAll(/0{5,}|1{5,}/g)) found += run.length - 2;
    found += 40 * [...line.matchAll(/(?=10111010000|00001011101)/g)].length;
  }
  for (let row = 1; row < SIZE; row += 1)
    for (let column = 1; column < SIZE; column += 1) {
      const block = [lines[row - 1]?.[column - 1], lines[row - 1]?.[column], lines[row]?.[column - 1], lines[row]?.[column]];
      if (new Set(block).size === 1) found += 3;
    }
  const dark = lines.join("").replaceAll("0", "").length / (SIZE * SIZE);
  return found + 10 * Math.floor(Math.abs(dark * 100 - 50) / 5);
}

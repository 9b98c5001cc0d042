// One meaning for each colour on every page: blue is positive, orange negative, the paper's own colour is zero.
export type RGB = [number, number, number];

const LIGHT = { zero: [250, 250, 248], blue: [23, 84, 176], orange: [200, 88, 10] } satisfies Record<string, RGB>;
const DARK = { zero: [27, 32, 39], blue: [110, 170, 255], orange: [255, 160, 92] } satisfies Record<string, RGB>;

const mix = (a: RGB, b: RGB, share: number): RGB => [
  a[0] + (b[0] - a[0]) * share,
  a[1] + (b[1] - a[1]) * share,
  a[2] + (b[2] - a[2]) * share,
];

/** -1 orange, 0 paper, 1 blue. The square root lifts small values, which would all look like zero. */
export function diverging(value: number, dark: boolean): RGB {
  const colours = dark ? DARK : LIGHT;
  const share = Math.sqrt(Math.min(1, Math.abs(value)));
  return mix(colours.zero, value < 0 ? colours.orange : colours.blue, share);
}

/** 0 black, 1 white: a picture as the net sees it, the same in both themes. */
export function grey(value: number): RGB {
  const level = 255 * Math.min(1, Math.max(0, value));
  return [level, level, level];
}

/** 0 transparent paper, 1 full blue: amounts that cannot be negative. */
export function amount(value: number, dark: boolean): RGB {
  const colours = dark ? DARK : LIGHT;
  return mix(colours.zero, colours.blue, Math.min(1, Math.max(0, value)));
}

export type Scale = "diverging" | "grey" | "amount";
const STEPS = 256;
const tables = new Map<string, Uint32Array>();

/** Colours of -1 … 1 as pixels, made once: a moved slider paints a hundred thousand of them. */
function table(scale: Scale, dark: boolean): Uint32Array {
  const key = `${scale}${dark}`;
  let made = tables.get(key);
  if (!made) {
    made = new Uint32Array(2 * STEPS + 1);
    const bytes = new Uint8ClampedArray(made.buffer);
    for (let i = 0; i <= 2 * STEPS; i++) {
      const value = i / STEPS - 1;
      const colour = scale === "grey" ? grey(value) : scale === "amount" ? amount(value, dark) : diverging(value, dark);
      bytes.set([...colour, 255], 4 * i);
    }
    tables.set(key, made);
  }
  return made;
}

/** Numbers as a picture, one pixel each; `most` has full colour. */
export function painted(values: ArrayLike<number>, rows: number, columns: number, most: number, scale: Scale, dark: boolean): ImageData {
  const picture = new ImageData(columns, rows);
  const pixels = new Uint32Array(picture.data.buffer);
  const colours = table(scale, dark);
  for (let i = 0; i < pixels.length; i++) {
    const value = (i < values.length ? values[i] : 0) / most;
    pixels[i] = colours[Math.round(STEPS * (1 + Math.min(1, Math.max(-1, value || 0))))];
  }
  return picture;
}

export const css = (colour: RGB) => `rgb(${colour.map((part) => Math.round(part)).join(" ")})`;

/** Black or white, whichever stands out more: at least 4.58 : 1 on any colour (WCAG's relative luminance). */
export function readable(ground: RGB): string {
  const [r, g, b] = ground.map((part) => (part <= 0.04045 * 255 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? "#000" : "#fff";
}

/** Ten colours that stay apart in both themes: classes, runs. */
export const CATEGORY = [
  "#3b82d6", "#e07b28", "#3f9f5f", "#c8506a", "#8a68c9", "#9b7653", "#d268b0", "#6f7a87", "#a8a02c", "#2aa5b3",
];

/** The colour of class `k` of `count`; of two, the second is blue, as in the pictures that `tongsu explain` draws. */
export const ofClass = (k: number, count: number) => (count === 2 ? (k === 1 ? "var(--blue)" : "var(--orange)") : CATEGORY[k % 10]);

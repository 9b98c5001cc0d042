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

export const css = (colour: RGB) => `rgb(${colour.map((part) => Math.round(part)).join(" ")})`;

/** Ten colours that stay apart in both themes: classes, runs. */
export const CATEGORY = [
  "#3b82d6", "#e07b28", "#3f9f5f", "#c8506a", "#8a68c9", "#9b7653", "#d268b0", "#6f7a87", "#a8a02c", "#2aa5b3",
];

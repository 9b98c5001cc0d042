// How numbers are written, and the little arithmetic that pictures need.
import { language, t } from "./i18n.svelte";

export function show(value: number, digits = 3): string {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size !== 0 && (size < 10 ** -digits || size >= 1e6)) return value.toExponential(2).replaceAll("-", "−");
  return value.toFixed(size >= 100 ? Math.min(digits, 1) : digits).replace("-", "−");
}

/** Two digits, for a small cell. */
export const brief = (value: number) => value.toFixed(2).replace("-", "−").replace("−0.00", "0.00");

export const percent = (value: number, digits = 1) => t("number.percent", { value: (100 * value).toFixed(digits).replace("-", "−") });

export const count = (value: number) => value.toLocaleString(language() === "zh" ? "zh-CN" : "en-GB");

/** One digit after the point and a power of ten, as `tongsu export` writes it: 1.2e-07. */
export const scientific = (value: number) => value.toExponential(1).replace(/e([+-])(\d)$/, "e$10$2");

export function bytes(value: number): string {
  const power = Math.min(3, Math.floor(Math.log10(Math.max(1, value)) / 3));
  const size = value / 1000 ** power;
  return `${size.toFixed(power === 0 || size >= 100 ? 0 : 1)} ${["B", "KB", "MB", "GB"][power]}`;
}

export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return "–";
  if (seconds < 60) return t("number.seconds", { seconds: seconds.toFixed(seconds < 10 ? 1 : 0) });
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return t("number.minutes", { minutes, seconds: Math.floor(seconds % 60) });
  return t("number.hours", { hours: Math.floor(minutes / 60), minutes: minutes % 60 });
}

/** The one figure that a run is known by: its accuracy on test data, or the distance of its drawings. */
export function result(metrics: Record<string, number>): [string, string] | null {
  for (const name of ["test_accuracy", "test_frechet_distance", "val_accuracy", "val_frechet_distance"])
    if (metrics[name] !== undefined) return [name, name.includes("accuracy") ? percent(metrics[name], 2) : show(metrics[name], 1)];
  return null;
}

export function largest(values: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < values.length; i++) most = Math.max(most, Math.abs(values[i]));
  return most || 1;
}

export function bounds(values: ArrayLike<number>): [number, number] {
  let low = Infinity;
  let high = -Infinity;
  for (let i = 0; i < values.length; i++) {
    low = Math.min(low, values[i]);
    high = Math.max(high, values[i]);
  }
  return low < high ? [low, high] : [low - 0.5, low + 0.5];
}

export const range = (n: number) => Array.from({ length: n }, (_, i) => i);

export function argmax(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[best]) best = i;
  return best;
}

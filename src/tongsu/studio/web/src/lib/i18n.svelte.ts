// Every word on the page, in Chinese and in English; both catalogues are in the bundle, so they switch at once.
import en from "../locale/en.json";
import zh from "../locale/zh.json";
import { route } from "./route.svelte";

export type Key = keyof typeof en;
export type Language = "zh" | "en";
const catalogues: Record<Language, Record<Key, string>> = { zh, en };

function first(): Language {
  const kept = localStorage.getItem("tongsu.lang");
  if (kept === "zh" || kept === "en") return kept;
  return navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
}

const fallback = $state({ lang: first() });

const chosen = $derived.by((): Language => {
  const asked = route.get("lang");
  return asked === "zh" || asked === "en" ? asked : fallback.lang;
});

export const language = (): Language => chosen;

export function speak(lang: Language) {
  fallback.lang = lang;
  localStorage.setItem("tongsu.lang", lang);
  route.set({ lang });
}

/** The text of `key`, with {name} filled in. */
export function t(key: Key, values: Record<string, string | number> = {}): string {
  const text = catalogues[language()][key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

/** A label of the data, in the reader's language where it is a word that we know. */
export const named = (label: string | undefined): string => (label === undefined ? "" : tt(`label.${label}`, label));

/** The text of a key that is put together while running, or `otherwise` where there is none. */
export function tt(key: string, otherwise = key.slice(key.indexOf(".") + 1)): string {
  return (catalogues[language()] as Record<string, string>)[key] ?? otherwise;
}

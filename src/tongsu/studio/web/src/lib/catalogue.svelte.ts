// The chapters as the server knows them: presets, data, titles; asked again when the language changes.
import { api, type Chapter } from "./api";
import { language } from "./i18n.svelte";

let chapters = $state.raw<Chapter[]>([]);
let asked = "";

export function chapterList(): Chapter[] {
  const lang = language();
  if (asked !== lang) {
    asked = lang;
    api.chapters().then((answer) => (chapters = answer.chapters), () => (asked = ""));
  }
  return chapters;
}

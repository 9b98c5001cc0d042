// Formulas, set by KaTeX; each also as MathML, which screen readers read. Loaded when a lesson is opened, not before.
import katex from "katex";
import "katex/dist/katex.min.css";

/** Set every `.math` element inside `root`; what stands in them is TeX. */
export function setFormulas(root: HTMLElement) {
  for (const element of root.querySelectorAll<HTMLElement>(".math")) {
    katex.render(element.textContent ?? "", element, { displayMode: element.tagName === "DIV", throwOnError: false, strict: false });
    if (element.tagName === "SPAN") keepTogether(element);
  }
}

const OPENING = /[([{“‘（「《]$/;
const CLOSING = /^[)\]}”’）」》.,;:!?。，、；：！？]/;

/** A bracket or a comma stays on the line of its formula. */
function keepTogether(element: HTMLElement) {
  if (OPENING.test(element.previousSibling?.textContent ?? "")) element.before("\u2060");
  if (CLOSING.test(element.nextSibling?.textContent ?? "")) element.after("\u2060");
}

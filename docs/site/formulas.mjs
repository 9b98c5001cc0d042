// TeX becomes HTML by KaTeX: a question on each line of stdin, its answer on a line of stdout.
import { createInterface } from "node:readline";
import katex from "katex";

for await (const line of createInterface({ input: process.stdin })) {
  const { tex, display } = JSON.parse(line);
  let answer;
  try {
    answer = { html: katex.renderToString(tex, { displayMode: display, strict: "error" }) };
  } catch (problem) {
    answer = { problem: problem.message };
  }
  console.log(JSON.stringify(answer));
}

// The page for trying by hand. What a server says is put in as text, never as HTML.
const models = JSON.parse(document.body.dataset.models);
const form = document.querySelector("form");
const canvas = document.querySelector("canvas");
const pen = canvas.getContext("2d");
let drawn = false;

const model = () => models.find((each) => each.name === form.model.value);

function clear() {
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  drawn = false;
}

function choose() {
  const { kind, digits, name } = model();
  for (const part of form.querySelectorAll("[data-kind]"))
    part.hidden = !(part.dataset.kind === kind || (part.dataset.kind === "digits" && digits));
  const example = { images: "-F file=@picture.png", text: `--json '{"inputs": ["…"]}'`, points: `--json '{"inputs": ["1.5,-0.3"]}'` };
  document.querySelector("#curl").textContent = `curl ${example[kind]} ${location.origin}/models/${name}/predict`;
}

canvas.addEventListener("pointerdown", (event) => {
  canvas.setPointerCapture(event.pointerId);
  pen.lineWidth = 20;
  pen.lineCap = pen.lineJoin = "round";
  pen.beginPath();
  pen.moveTo(event.offsetX, event.offsetY);
});
canvas.addEventListener("pointermove", (event) => {
  if (!event.buttons) return;
  pen.lineTo(event.offsetX, event.offsetY);
  pen.stroke();
  drawn = true;
});
canvas.addEventListener("pointerup", () => drawn && ask());
form.clear.addEventListener("click", clear);
form.model.addEventListener("change", choose);
form.picture.addEventListener("change", ask);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  ask();
});

async function request() {
  const { kind } = model();
  const headers = { "Accept-Language": document.documentElement.lang };
  if (kind !== "images") {
    const input = kind === "text" ? form.text.value : form.point.value;
    return { method: "POST", headers: { ...headers, "Content-Type": "application/json" }, body: JSON.stringify({ inputs: [input] }) };
  }
  const file = drawn ? await new Promise((done) => canvas.toBlob(done)) : form.picture.files[0];
  const body = new FormData();
  if (file) body.append("file", file);
  return { method: "POST", headers, body };
}

async function ask() {
  const note = document.querySelector("#note");
  const list = document.querySelector("#answer");
  const start = performance.now();
  try {
    const response = await fetch(`/models/${encodeURIComponent(model().name)}/predict`, await request());
    const answer = await response.json();
    if (answer.error) throw new Error(`${answer.error.message} ${answer.error.hint}`);
    note.textContent = document.body.dataset.took.replace("{ms}", Math.round(performance.now() - start));
    const ranked = Object.entries(answer.predictions[0].probabilities).sort((a, b) => b[1] - a[1]).slice(0, 10);
    list.replaceChildren(...ranked.map(([label, probability]) => row(label, probability)));
  } catch (error) {
    note.textContent = error instanceof TypeError ? document.body.dataset.unreachable : error.message;
    list.replaceChildren();
  }
}

function row(label, probability) {
  const item = document.createElement("li");
  const name = document.createElement("span");
  const bar = document.createElement("progress");
  const value = document.createElement("output");
  name.textContent = label;
  bar.value = probability;
  value.textContent = `${(100 * probability).toFixed(1)}%`;
  item.append(name, bar, value);
  return item;
}

clear();
choose();

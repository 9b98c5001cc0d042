// Shows openapi.json: each route, what it takes and what it answers.
const say = document.body.dataset;
const described = await (await fetch("/openapi.json")).json();

function part(tag, text, ...children) {
  const element = document.createElement(tag);
  element.textContent = text;
  element.append(...children);
  return element;
}

for (const [path, methods] of Object.entries(described.paths)) {
  for (const [method, route] of Object.entries(methods)) {
    const box = part("article", "", part("h2", `${method.toUpperCase()} ${path}`), part("p", route.summary ?? ""));
    for (const one of route.parameters ?? [])
      box.append(part("p", `${say.parameters} ${one.name} (${one.in}, ${one.schema?.type ?? ""}) ${one.description ?? ""}`));
    for (const [kind, content] of Object.entries(route.requestBody?.content ?? {}))
      box.append(part("p", `${say.body} ${kind}`), part("pre", JSON.stringify(content.schema, null, 1)));
    const list = Object.entries(route.responses ?? {}).map(([status, { description }]) => `${status} ${description}`);
    box.append(part("p", `${say.answers} ${list.join(" · ")}`));
    document.querySelector("#routes").append(box);
  }
}

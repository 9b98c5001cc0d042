// Every view offers its numbers as JSON and its picture as SVG or PNG; all of it is made here, in the page.

export function download(blob: Blob, name: string) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

export function saveJson(value: unknown, name: string) {
  const plain = JSON.stringify(value, (_, v) => (ArrayBuffer.isView(v) ? Array.from(v as Float32Array) : v), 1);
  download(new Blob([plain], { type: "application/json" }), `${name}.json`);
}

const LOOK = ["fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-linejoin", "paint-order", "opacity", "font-size", "font-family", "font-weight", "text-anchor"];

/** An SVG element with its looks written into it: outside the page there is no style sheet. */
function standalone(svg: SVGSVGElement): SVGSVGElement {
  const copy = svg.cloneNode(true) as SVGSVGElement;
  const from = [svg, ...svg.querySelectorAll<SVGElement>("*")];
  const to = [copy, ...copy.querySelectorAll<SVGElement>("*")];
  from.forEach((element, i) => {
    const style = getComputedStyle(element);
    for (const name of LOOK) to[i].setAttribute(name, style.getPropertyValue(name));
    to[i].removeAttribute("class");
  });
  const box = svg.getBoundingClientRect();
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.setAttribute("width", String(box.width));
  copy.setAttribute("height", String(box.height));
  return copy;
}

/** All SVG and canvas pictures inside `root`, where they stand on the page, as one SVG. */
export function asSvg(root: HTMLElement): string {
  const frame = root.getBoundingClientRect();
  const parts: string[] = [];
  for (const element of root.querySelectorAll<SVGSVGElement | HTMLCanvasElement>("svg, canvas")) {
    if (element.closest("[data-nosave]")) continue;
    const box = element.getBoundingClientRect();
    if (!box.width) continue;
    const place = `x="${box.left - frame.left}" y="${box.top - frame.top}" width="${box.width}" height="${box.height}"`;
    if (element instanceof HTMLCanvasElement) {
      parts.push(`<image ${place} style="image-rendering:pixelated" href="${element.toDataURL("image/png")}"/>`);
    } else {
      const copy = standalone(element);
      copy.setAttribute("x", String(box.left - frame.left));
      copy.setAttribute("y", String(box.top - frame.top));
      parts.push(new XMLSerializer().serializeToString(copy));
    }
  }
  const paper = getComputedStyle(document.body).backgroundColor;
  const size = `width="${frame.width}" height="${frame.height}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} viewBox="0 0 ${frame.width} ${frame.height}">` +
    `<rect ${size} fill="${paper}"/>${parts.join("")}</svg>`;
}

export function saveSvg(root: HTMLElement, name: string) {
  download(new Blob([asSvg(root)], { type: "image/svg+xml" }), `${name}.svg`);
}

export async function savePng(root: HTMLElement, name: string) {
  const picture = new Image();
  picture.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(asSvg(root))}`;
  await picture.decode();
  const canvas = document.createElement("canvas");
  canvas.width = picture.width * 2;
  canvas.height = picture.height * 2;
  canvas.getContext("2d")!.drawImage(picture, 0, 0, canvas.width, canvas.height);
  canvas.toBlob((blob) => blob && download(blob, `${name}.png`));
}

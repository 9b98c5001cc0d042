// What a reader sees, measured in the page itself: contrast by the formula of WCAG 2, from computed styles and pixels.
// Playwright evaluates this file in the page; it leaves one object, `access`.
window.access = (() => {
  // The colour of what lies beneath a text needs every layer to be found, also those that let the mouse through.
  const sheet = new CSSStyleSheet();
  sheet.replaceSync("* { pointer-events: auto !important; scroll-behavior: auto !important }");

  /** "rgb(1 2 3 / 50%)", "rgba(1, 2, 3, .5)", "color(srgb .1 .2 .3)" to [r, g, b, a] of 0 … 1. */
  function parsed(colour) {
    const numbers = (colour.match(/-?[\d.]+(e-?\d+)?%?/g) ?? []).map((n) => (n.endsWith("%") ? parseFloat(n) / 100 : Number(n)));
    if (colour === "transparent" || colour === "none") return [0, 0, 0, 0];
    const scale = colour.startsWith("rgb") ? 255 : 1;
    if (!/^(rgba?\(|color\(srgb )/.test(colour) || numbers.length < 3) throw new Error(`a colour that is not understood: ${colour}`);
    return [...numbers.slice(0, 3).map((n) => n / scale), numbers[3] ?? 1];
  }

  const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3]));
  const linear = (c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  const luminance = (rgb) => 0.2126 * linear(rgb[0]) + 0.7152 * linear(rgb[1]) + 0.0722 * linear(rgb[2]);
  function contrast(one, other) {
    const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  }

  function opacity(element) {
    let share = 1;
    for (let e = element; e instanceof Element; e = e.parentElement) share *= Number(getComputedStyle(e).opacity);
    return share;
  }

  /** What an element paints at a point, [r, g, b, a]. */
  function paint(element, x, y) {
    const style = getComputedStyle(element);
    let colour;
    if (element instanceof HTMLCanvasElement) {
      const box = element.getBoundingClientRect();
      const place = [((x - box.left) / box.width) * element.width, ((y - box.top) / box.height) * element.height].map(Math.floor);
      colour = [...element.getContext("2d").getImageData(place[0], place[1], 1, 1).data].map((n) => n / 255);
    } else if (element instanceof SVGGeometryElement) {
      colour = parsed(style.fill);
      colour[3] *= Number(style.fillOpacity);
    } else if (element instanceof SVGElement && !(element instanceof SVGSVGElement)) {
      return [0, 0, 0, 0]; // another text, a group
    } else {
      if (style.backgroundImage !== "none") throw new Error(`a background picture behind text: ${element.className}`);
      colour = parsed(style.backgroundColor);
    }
    return [...colour.slice(0, 3), colour[3] * opacity(element)];
  }

  /** The colour behind an element at a point: all layers beneath it, on white. */
  function ground(element, x, y) {
    const stack = document.elementsFromPoint(x, y);
    const own = stack.indexOf(element);
    let layers = own >= 0 ? stack.slice(element instanceof SVGElement ? own + 1 : own) : null;
    if (!layers) { // out of sight in a scrolled part: what it stands in
      layers = [];
      for (let e = element instanceof SVGElement ? element.parentElement : element; e; e = e.parentElement) layers.push(e);
    }
    return layers.map((layer) => paint(layer, x, y)).reduceRight((below, top) => over(top, below), [1, 1, 1]);
  }

  const inactive = (element) => element.closest(":disabled, [aria-disabled=true], option") !== null;
  const shown = (element) => element.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && !element.closest(".hidden, .skip");

  function judge(element, text, boxes, colour, style) {
    const size = parseFloat(style.fontSize);
    const scale = element instanceof SVGElement ? (element.getScreenCTM()?.a ?? 1) : 1;
    const large = size * scale >= 24 || (size * scale >= 18.66 && Number(style.fontWeight) >= 700);
    // A label on a chart has a seam in the colour of its ground, drawn first: that is what stands behind the letters.
    const seam = element instanceof SVGElement && style.paintOrder.startsWith("stroke") && style.stroke !== "none" && parseFloat(style.strokeWidth) >= 2;
    let worst = Infinity;
    for (const box of boxes) {
      for (const share of [0.1, 0.5, 0.9]) {
        const behind = seam ? parsed(style.stroke).slice(0, 3) : ground(element, box.left + share * box.width, box.top + box.height / 2);
        const front = over([...colour.slice(0, 3), colour[3] * opacity(element)], behind);
        worst = Math.min(worst, contrast(front, behind));
      }
    }
    return { text: text.trim().slice(0, 40), where: place(element), ratio: worst, wanted: large ? 3 : 4.5 };
  }

  function place(element) {
    const panel = element.closest("[id]")?.id ?? "";
    return `#${panel} ${element.tagName.toLowerCase()}.${[...element.classList].filter((name) => !name.startsWith("svelte-")).join(".")}`;
  }

  /** Every visible text, with its contrast. */
  function texts() {
    const root = document.querySelector("dialog[open]") ?? document.body;
    const found = [];
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
    try {
      const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
      while (walker.nextNode()) {
        const node = walker.currentNode;
        const element = node.parentElement;
        if (!node.data.trim() || element.closest("script, style, title, select, textarea") || !shown(element) || inactive(element)) continue;
        const range = document.createRange();
        range.selectNodeContents(node);
        if (![...range.getClientRects()].some((box) => box.width > 1 && box.height > 1)) continue;
        const first = range.getBoundingClientRect();
        if (first.top < 80 || first.bottom > innerHeight - 120) element.scrollIntoView({ block: "center", inline: "nearest" });
        const style = getComputedStyle(element);
        const colour = parsed(element instanceof SVGElement ? style.fill : style.color);
        if (element instanceof SVGElement) colour[3] *= Number(style.fillOpacity);
        found.push(judge(element, node.data, [...range.getClientRects()], colour, style));
      }
      for (const field of root.querySelectorAll("input:not([type=range], [type=checkbox], [type=file], [type=radio]), select, textarea")) {
        if (!shown(field) || inactive(field)) continue;
        field.scrollIntoView({ block: "center" });
        const style = getComputedStyle(field, field.value || field instanceof HTMLSelectElement ? null : "::placeholder");
        const text = field.value || field.placeholder || "";
        if (text) found.push(judge(field, text, [field.getBoundingClientRect()], parsed(style.color), style));
      }
    } finally {
      document.adoptedStyleSheets = document.adoptedStyleSheets.filter((one) => one !== sheet);
    }
    return found;
  }

  const CONTROLS = "a[href], button, input, select, textarea, summary, [tabindex='0']"; // of the first six, all must be reached

  /** How many controls a reader could use; each gets a number, and `reached` says which had the focus. */
  function number() {
    const root = document.querySelector("dialog[open]") ?? document.body;
    const all = [...root.querySelectorAll(CONTROLS)].filter((e) => !e.matches(":disabled") && e.checkVisibility({ visibilityProperty: true }));
    all.forEach((element, i) => (element.dataset.control = String(i)));
    return all.map(place);
  }

  /** The control that has the focus, and whether one can see it: an outline of its own, or of the label around it. */
  function focus() {
    const element = document.activeElement;
    if (!element || element === document.body) return null;
    const ring = [element, element.closest("label")].filter(Boolean).find((one) => {
      const style = getComputedStyle(one);
      return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1;
    });
    let ratio = 0;
    if (ring) {
      const box = ring.getBoundingClientRect();
      const parent = ring.parentElement ?? document.body;
      ratio = contrast(parsed(getComputedStyle(ring).outlineColor), ground(parent, box.left + 1, box.top + 1));
    }
    return { control: element.dataset.control ?? null, where: place(element), ratio };
  }

  return { texts, number, focus };
})();

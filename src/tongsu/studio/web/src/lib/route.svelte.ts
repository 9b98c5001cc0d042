// Where the reader is: everything that a teacher may want to share stands in the address, #/cnn?run=a&frame=14.

export type Params = Record<string, string>;

function read(): { page: string; params: Params } {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  return { page: path || "home", params: Object.fromEntries(new URLSearchParams(query ?? "")) };
}

class Route {
  page = $state("home");
  params = $state<Params>({});
  /** What holds where the address says nothing; a page sets it and clears it when it is left. */
  defaults = $state.raw<Params>({});

  constructor() {
    this.sync();
    addEventListener("hashchange", () => this.sync());
    addEventListener("popstate", () => this.sync());
  }

  /** Called before another page is shown. */
  onleave: () => void = () => {};

  private sync() {
    const now = read();
    if (now.page !== this.page) this.onleave();
    this.page = now.page;
    this.params = now.params;
  }

  get(name: string, otherwise = ""): string {
    return this.params[name] ?? this.defaults[name] ?? otherwise;
  }

  number(name: string, otherwise: number): number {
    const value = Number(this.params[name] ?? this.defaults[name] ?? NaN);
    return Number.isFinite(value) ? value : otherwise;
  }

  /** Change some values and keep the rest; null takes one away. Moving a slider must not fill the history. */
  set(changes: Record<string, string | number | null | undefined>) {
    const next: Params = { ...this.params };
    for (const [name, value] of Object.entries(changes)) {
      if (value === null || value === undefined || value === "") delete next[name];
      else next[name] = String(value);
    }
    this.params = next;
    history.replaceState(null, "", this.href(this.page, next));
  }

  /** The address of a page; language goes along, the rest only if it is given. */
  href(page: string, params: Params = {}): string {
    const all: Params = this.params.lang ? { lang: this.params.lang, ...params } : params;
    const query = new URLSearchParams(all).toString();
    return `#/${page === "home" ? "" : page}${query ? `?${query}` : ""}`;
  }

  go(page: string, params: Params = {}) {
    location.hash = this.href(page, params);
  }
}

export const route = new Route();

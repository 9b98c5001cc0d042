// What a lesson's views are shown with: the reader's own runs, or the offer to train one; asked again after a training.
import { api, troubleOf, type Shown, type Trouble } from "./api";

export class ShownViews {
  list = $state.raw<Shown[]>([]);
  trouble = $state.raw<Trouble | null>(null);

  constructor(readonly lesson: string) {
    void this.refresh();
  }

  async refresh() {
    try {
      this.list = (await api.lessonViews(this.lesson)).views;
      this.trouble = null;
    } catch (error) {
      this.trouble = troubleOf(error);
    }
  }
}

/** How a view's options are called in the address. */
const NAMES: Record<string, Record<string, string>> = {
  "conv-sandbox": { size: "s.size", kernel: "s.kernel", stride: "s.stride", padding: "s.padding", dilation: "s.dilation" },
  backpropagation: { lr: "bplr", target: "target" },
  pixel: { channel: "map" },
  pool: { channel: "map" },
};

export function addressOf(view: string, options: Record<string, string>): Record<string, string> {
  const known = NAMES[view] ?? {};
  return Object.fromEntries(Object.entries(options).filter(([name]) => known[name]).map(([name, value]) => [known[name], value]));
}

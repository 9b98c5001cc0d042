// What every view on a chapter's page shares: the run, the frame of the time machine, and the learner's own input.
import { untrack } from "svelte";
import { api, troubleOf, type Input, type RunDetail, type Trouble } from "./api";
import { connection } from "./connection.svelte";
import { language } from "./i18n.svelte";
import { Live } from "./live.svelte";
import { route } from "./route.svelte";

// Answers that were given already: moving the slider back, or over the film a second time, asks nobody.
const answers = new Map<string, any>();
const KEPT = 400;
const PATIENCE = 700; // milliseconds
let asked = 0;

export class Place {
  live = $state.raw<Live | null>(null);
  detail = $state.raw<RunDetail | null>(null);
  trouble = $state.raw<Trouble | null>(null);
  private given = $state.raw<{ input: Input; id: number } | null>(null);

  /** The learner's own input, or an example of the data. */
  get input(): Input | null {
    return this.given?.input ?? null;
  }

  set input(input: Input | null) {
    this.given = input && { input, id: ++asked };
  }

  private get inputId(): number {
    return this.given?.id ?? 0;
  }

  private own = $state<number | null>(null);

  /** On a chapter's page the address says which run and which frame; elsewhere `chosen` names the run. */
  constructor(readonly chapter: string, private readonly chosen: (() => string) | null = null) {}

  run = $derived.by(() => (this.chosen ? this.chosen() : route.get("run")));

  /** Steps whose weights are kept; grows while the run trains. */
  frames = $derived.by((): number[] => {
    const known = new Set([...(this.detail?.frames ?? []), ...(this.live?.frames ?? [])]);
    return [...known].sort((a, b) => a - b);
  });

  /** The frame that all views show; null is the newest weights there are. */
  frame = $derived.by((): number | null => {
    if (this.chosen) return this.own;
    return route.get("frame") === "" ? null : Number(route.get("frame"));
  });

  /** Move the time machine. */
  go(frame: number | null) {
    if (this.chosen) this.own = frame;
    else route.set({ frame });
  }

  /** Changes whenever the newest weights do, or the studio comes back: a view that shows them must ask again. */
  version = $derived.by((): string => {
    if (this.frame !== null) return `${this.run}@${this.frame}/${connection.returns}`;
    const now = this.live?.state;
    const done = this.live?.metrics ? "done" : "";
    return `${this.run}@${this.frames.at(-1) ?? -1}/${now?.state === "paused" ? now.step : ""}/${done}/${connection.returns}`;
  });

  ready = $derived(Boolean(this.detail?.input) && this.detail?.name === this.run && this.frames.length > 0);

  /**
   * The question for one view of this run at this frame, to be handed to `Asked.want`; null while there is nothing to
   * ask. It reads everything that the answer depends on, so an effect around it runs again when one of these changes.
   */
  ask(view: string, parameters: Record<string, unknown> = {}, about: "input" | "data" = "input"): (() => Promise<any>) | null {
    const { run, frame, version } = this;
    const input = about === "input" ? this.input : null;
    void language();
    if (!this.ready || (about === "input" && !input)) return null;
    const key = JSON.stringify([version, view, parameters, about === "input" ? this.inputId : 0, language()]);
    const kept = answers.get(key);
    if (kept) return () => Promise.resolve(kept);
    return async () => {
      const answer = await api.view(run, view, frame, input, parameters);
      answers.set(key, answer);
      if (answers.size > KEPT) answers.delete(answers.keys().next().value!);
      return answer;
    };
  }

  async open(name: string) {
    this.live?.close();
    this.live = null;
    this.detail = null;
    this.trouble = null;
    this.own = null;
    if (!name) return;
    const live = new Live(name);
    this.live = live;
    await this.refresh();
  }

  async refresh() {
    const name = this.run;
    try {
      const detail = await api.run(name);
      if (this.run === name) this.detail = detail;
    } catch (error) {
      this.trouble = troubleOf(error);
    }
  }

  close() {
    this.live?.close();
    this.live = null;
  }
}

/**
 * Ask again whenever `ask` reads something new, and show only the newest answer. One question is under way at a
 * time; what changed meanwhile is asked next, so a dragged slider never queues up old questions.
 */
export class Asked<T> {
  value = $state.raw<T | null>(null);
  trouble = $state.raw<Trouble | null>(null);
  /** The answer takes so long that a reader should know. */
  waiting = $state(false);
  private busy = false;
  private wanted: (() => Promise<T>) | null = null;
  private dropped = false;
  private clock: ReturnType<typeof setTimeout> | undefined;
  private patience: ReturnType<typeof setTimeout> | undefined;

  /** Like `want`, once nothing new was asked for a moment: for what takes the server long. */
  later(ask: (() => Promise<T>) | null) {
    clearTimeout(this.clock);
    // Untracked: an effect that read its own answer would ask again with every answer, for ever.
    const first = untrack(() => this.value === null);
    this.clock = setTimeout(() => this.want(ask), first ? 0 : 300);
  }

  want(ask: (() => Promise<T>) | null) {
    this.wanted = ask;
    this.dropped = ask === null;
    if (ask === null) {
      this.value = null;
      this.trouble = null;
    } else if (!this.busy) void this.work();
  }

  private async answer(ask: () => Promise<T>) {
    this.wanted = null;
    try {
      const value = await ask();
      if (this.dropped) return;
      this.value = value;
      this.trouble = null;
    } catch (error) {
      if (!this.dropped) this.trouble = troubleOf(error);
    }
  }

  private async work() {
    this.busy = true;
    this.patience = setTimeout(() => (this.waiting = true), PATIENCE);
    try {
      while (this.wanted) await this.answer(this.wanted);
    } finally {
      this.busy = false;
      clearTimeout(this.patience);
      this.waiting = false;
    }
  }
}

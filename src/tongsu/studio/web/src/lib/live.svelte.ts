// A run as it happens: the whole past from the run folder, then whatever comes. Closing the page stops nothing.
import type { Columns, State } from "./api";
import { connection } from "./connection.svelte";
import { language } from "./i18n.svelte";

type Event = Record<string, any> & { event: string };
type Message = { kind: "events"; next: number; events: Event[] } | { kind: "state"; state: State };

function push(columns: Columns, values: Record<string, number>) {
  for (const [name, value] of Object.entries(values)) (columns[name] ??= []).push(value);
}

export class Live {
  state = $state<State | null>(null);
  steps = $state(0);
  step = $state(0);
  epochs = $state(0);
  epoch = $state(0);
  parameters = $state(0);
  speed = $state(0);
  lr = $state(0);
  seconds = $state(0);
  metrics = $state<Record<string, number> | null>(null);
  frames = $state.raw<number[]>([]);
  /** Learning curves; replaced as a whole, several times a second at most. */
  train = $state.raw<Columns>({});
  validation = $state.raw<Columns>({});
  private socket: WebSocket | null = null;
  private next = 0;
  private closed = false;
  private retry = 0;

  constructor(readonly run: string) {
    this.open();
  }

  private open() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const path = `/api/runs/${encodeURIComponent(this.run)}/live?after=${this.next}&lang=${language()}`;
    this.socket = new WebSocket(`${scheme}://${location.host}${path}`);
    this.socket.onopen = () => { this.retry = 0; };
    this.socket.onmessage = (message) => this.hear(JSON.parse(message.data) as Message);
    this.socket.onclose = (event) => {
      if (this.closed || event.code === 4404) return;
      void connection.doubt();
      setTimeout(() => !this.closed && this.open(), Math.min(5000, 250 * 2 ** this.retry++));
    };
  }

  private hear(message: Message) {
    if (message.kind === "state") { this.state = message.state; return; }
    this.next = message.next;
    const train = { ...this.train };
    const validation = { ...this.validation };
    for (const name in train) train[name] = [...train[name]];
    for (const name in validation) validation[name] = [...validation[name]];
    let frames = this.frames;
    for (const event of message.events) {
      if (event.step !== undefined) this.step = event.step;
      if (event.seconds !== undefined) this.seconds = event.seconds;
      if (event.event === "Started") {
        this.steps = event.steps;
        this.epochs = event.epochs;
        this.parameters = event.parameters;
        if (event.step === 0 && !frames.includes(0)) frames = [0, ...frames];
        this.cut(train, event.step);
        this.cut(validation, event.step);
      } else if (event.event === "Step") {
        this.epoch = event.epoch;
        this.speed = event.speed;
        this.lr = event.lr;
        push(train, { step: event.step, seconds: event.seconds, ...event.measures });
      } else if (event.event === "Evaluated") {
        this.epoch = event.epoch;
        push(validation, { step: event.step, seconds: event.seconds, ...event.validation });
      } else if (event.event === "FrameSaved" && !frames.includes(event.step)) {
        frames = [...frames, event.step].sort((a, b) => a - b);
      } else if (event.event === "Finished") {
        this.metrics = event.metrics;
      }
    }
    this.frames = frames;
    this.train = train;
    this.validation = validation;
  }

  /** What a resume went back behind did not happen. */
  private cut(columns: Columns, step: number) {
    const keep = (columns.step ?? []).filter((at) => at <= step).length;
    for (const name in columns) columns[name] = columns[name].slice(0, keep);
  }

  get left(): number {
    return this.step > 0 ? (this.seconds / this.step) * (this.steps - this.step) : NaN;
  }

  close() {
    this.closed = true;
    this.socket?.close();
  }
}

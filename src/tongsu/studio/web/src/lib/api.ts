// The server's answers, typed. Errors arrive as { error: { kind, message, hint } } in the reader's language.
import { connection } from "./connection.svelte";
import { language, t } from "./i18n.svelte";
import { route } from "./route.svelte";

export interface Trouble { kind: string; message: string; hint: string }

export class ApiError extends Error {
  constructor(readonly trouble: Trouble, readonly status: number) {
    super(trouble.message);
  }
}

/** What to tell the reader of a failed question; anything else that went wrong is a fault of ours and goes on. */
export function troubleOf(error: unknown): Trouble {
  if (error instanceof ApiError) return error.trouble;
  throw error;
}

export interface State {
  state: "preparing" | "running" | "paused" | "stopping" | "finished" | "stopped" | "failed";
  step: number;
  lr: number | null;
  parts: string[] | null;
  error: Trouble | null;
  alive: boolean;
}
export interface Run {
  name: string; chapter: string; preset: string; model: string; data: string; seed: number;
  status: "new" | "training" | "interrupted" | "finished";
  state: State | null; parameters: number | null; seconds: number | null;
  metrics: Record<string, number>; created: number; active: number;
}
export interface RunDetail extends Run {
  recipe: Record<string, any>; labels: string[]; frames: number[]; pictures: string[]; size: number;
  /** null until the data are loaded. */
  input: { kind: "images" | "text" | "points" | "wordpieces"; shape: number[] } | null;
}
export type Columns = Record<string, number[]>;
export interface History { train: Columns; validation: Columns }
export interface Schema {
  type?: string; enum?: (string | number)[]; minimum?: number; maximum?: number;
  exclusiveMinimum?: number; exclusiveMaximum?: number; items?: Schema;
}
export interface Field { name: string; label: string; help: string; group: string; value: any; schema: Schema; main: boolean }
export interface Form { chapter: string; preset: string; model: string; data: string; fields: Field[] }
export interface Chapter { name: string; title: string; about: string; presets: string[]; models: string[]; data: string[]; task: string }

export type Packed = { shape: number[]; dtype: string; data?: string; values?: any };
/** Numbers with a shape, row by row. */
export interface Arr { shape: number[]; data: Float32Array | Uint8Array | Int32Array }

export type Input =
  | { kind: "pixels"; shape: number[]; data: string }
  | { kind: "image"; data: string }
  | { kind: "text"; text: string }
  | { kind: "point"; values: number[] }
  | { kind: "example"; index: number; split?: string }
  | { kind: "noise"; seed: number; count: number };

export interface Prediction {
  frame: number | null; label: string; probability: number; probabilities: [string, number][];
  seen: Packed | null; words?: string[];
}
export interface Example {
  index: number; target: string; image?: Packed; text?: string; point?: number[];
  predicted?: string; probability?: number;
}
/** One form in which a run was exported, as the description beside the files says. */
export interface Exported {
  to: string; folder: string; files: Record<string, number>; current: boolean;
  check: { runtime: string; source?: string; inputs: number[][]; largest_difference: number; tolerance?: number };
  quantized: { bytes: Record<string, number>; examples: number; accuracy_before?: number; accuracy?: number; same_answers?: number; mean_difference?: number } | null;
}
export interface Shipping {
  run: string; exports: Exported[];
  export: { state: "preparing" | "finished" | "failed"; error: Trouble | null; to: string } | null;
  serving: { state: "preparing" | "running" | "failed"; error: Trouble | null; address: string | null; ready: boolean } | null;
}
export interface Section { key: string; title: string; html?: string }
export interface Exercise {
  name: string; lesson: string; kind: "code" | "run" | "server"; title: string; text: string; wants: string[]; starter: string; usage: string;
}
/** A lesson in the list; the exercises are names. */
export interface Outline { name: string; title: string; sections: Section[]; exercises: string[] }
export interface Course {
  lessons: Outline[];
  ideas: { key: string; word: string; heading: string; lesson: string; section: string }[];
  glossary: { key: string; en: string; zh: string; sentence: string }[];
}
export interface Lesson { name: string; title: string; language: string; sections: Required<Section>[]; exercises: Record<string, Exercise> }
/** What the lesson trains before a view; own: on its own data. */
export interface Offer { chapter: string; preset: string; data: string | null; changes: Record<string, unknown>; own: boolean; command: string }
/** same: the lesson's own net, on its own data. */
export interface Shown { offer: Offer; runs: { name: string; same: boolean }[] }
export interface Verdict { passed: boolean; saw: string[]; hint: string }
export interface ViewInfo { name: string; title: string; parameters: { name: string; schema: Schema; default: any }[] }

export function unpack(packed: Packed): Arr {
  if (packed.data === undefined) {
    const flat = (Array.isArray(packed.values) ? packed.values.flat(Infinity) : [packed.values]) as number[];
    return { shape: packed.shape, data: Float32Array.from(flat.map((v) => v ?? NaN)) };
  }
  const bytes = Uint8Array.from(atob(packed.data), (c) => c.charCodeAt(0));
  if (packed.dtype === "uint8" || packed.dtype === "bool") return { shape: packed.shape, data: bytes };
  if (packed.dtype === "int32") return { shape: packed.shape, data: new Int32Array(bytes.buffer) };
  if (packed.dtype === "int64") return { shape: packed.shape, data: Int32Array.from(new BigInt64Array(bytes.buffer), Number) };
  if (packed.dtype === "float64") return { shape: packed.shape, data: Float32Array.from(new Float64Array(bytes.buffer)) };
  return { shape: packed.shape, data: new Float32Array(bytes.buffer) };
}

/** Part `i` of an array along its first axis. */
export function at(array: Arr, ...place: number[]): Arr {
  let { shape, data } = array;
  for (const i of place) {
    const size = shape.slice(1).reduce((a, b) => a * b, 1);
    data = data.subarray(i * size, (i + 1) * size) as Arr["data"];
    shape = shape.slice(1);
  }
  return { shape, data };
}

const isPacked = (value: any): value is Packed =>
  value && typeof value === "object" && Array.isArray(value.shape) && typeof value.dtype === "string";

/** A view's answer with every array in it unpacked, however deep it lies. */
export function unpackAll(value: any): any {
  if (isPacked(value)) return unpack(value);
  if (Array.isArray(value)) return value.map(unpackAll);
  if (value && typeof value === "object")
    return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, unpackAll(part)]));
  return value;
}

/** What a view found, with what belongs to its input (labels, words, image, target) beside it. */
function asView(packed: any): any {
  const { answer, ...about } = unpackAll(packed);
  return { ...answer, about };
}

// Questions of a page that was left are given up: a browser holds few connections to one host.
let page = new AbortController();
route.onleave = () => {
  page.abort();
  page = new AbortController();
};

/** The answer, or no end at all when the page was left: nobody waits for it there. */
async function fetched(path: string, wish: RequestInit, signal: AbortSignal): Promise<[Response, string]> {
  try {
    const answer = await fetch(`/api/${path}`, { ...wish, signal });
    return [answer, await answer.text()];
  } catch (error) {
    if (signal.aborted) return new Promise(() => {});
    if (!(error instanceof TypeError)) throw error; // what fetch throws when nobody answers
    void connection.doubt();
    throw new ApiError({ kind: "away", message: t("away.asked"), hint: "" }, 0);
  }
}

async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  const raw = body instanceof Blob;
  const [answer, text] = await fetched(path, {
    method, credentials: "same-origin",
    headers: { "Accept-Language": language(), ...(body === undefined || raw ? {} : { "Content-Type": "application/json" }) },
    body: body === undefined ? undefined : raw ? body : JSON.stringify(body),
  }, page.signal);
  const value = text ? JSON.parse(text) : {};
  if (!answer.ok) throw new ApiError(value.error ?? { kind: "unknown", message: answer.statusText, hint: "" }, answer.status);
  return value as T;
}

const run = (name: string) => `runs/${encodeURIComponent(name)}`;
const query = (values: Record<string, string | number | boolean | null | undefined>) => {
  const given = Object.entries(values).filter(([, v]) => v !== null && v !== undefined && v !== "");
  return given.length ? `?${new URLSearchParams(given.map(([k, v]) => [k, String(v)]))}` : "";
};

export const api = {
  studio: () => call<{ version: string; device: string; threads: number; torch: string; runs_dir: string }>("GET", "studio"),
  chapters: () => call<{ chapters: Chapter[] }>("GET", "chapters"),
  form: (chapter: string, preset: string, data = "", model = "") =>
    call<Form>("GET", `chapters/${chapter}/form${query({ preset, data, model })}`),
  runs: (chapter = "") => call<{ runs: Run[] }>("GET", `runs${query({ chapter })}`),
  run: (name: string) => call<RunDetail>("GET", run(name)),
  history: (name: string) => call<History>("GET", `${run(name)}/history`),
  remove: (name: string) => call<{ removed: string }>("DELETE", run(name)),
  compare: (names: string[]) =>
    call<{ runs: Run[]; differences: Record<string, any[]>; histories: History[]; metrics: Record<string, number[]> }>(
      "GET", `compare?${names.map((name) => `run=${encodeURIComponent(name)}`).join("&")}`),
  train: (wish: { chapter: string; preset: string; data: string | null; changes: Record<string, unknown> }) =>
    call<{ run: string; state: State }>("POST", "trainings", wish),
  resume: (name: string) => call<{ run: string; state: State }>("POST", `${run(name)}/resume`, { changes: {} }),
  command: (name: string, command: Record<string, unknown>) =>
    call<{ state: State }>("POST", `${run(name)}/commands`, command),
  predict: (name: string, frame: number | null, input: Input) =>
    call<Prediction>("POST", `${run(name)}/predict`, { frame, input }),
  views: (name: string) => call<{ views: ViewInfo[] }>("GET", `${run(name)}/views`),
  view: async (name: string, view: string, frame: number | null, input: Input | null, parameters: Record<string, unknown> = {}): Promise<any> =>
    asView(await call("POST", `${run(name)}/views/${view}`, { frame, input, parameters })),
  examples: (name: string, options: { split?: string; start?: number; count?: number; wrong?: boolean }) =>
    call<{ total: number; examples: Example[] }>("GET", `${run(name)}/examples${query(options)}`),
  evaluation: (name: string, frame: number | null, split = "test") =>
    call<{ examples: number; metrics: Record<string, number>; labels: string[]; confusion: number[][] }>(
      "GET", `${run(name)}/evaluation${query({ split, frame })}`),
  servers: () => call<{ servers: { run: string; address: string | null }[] }>("GET", "serving"),
  shipping: (name: string) => call<Shipping>("GET", `${run(name)}/shipping`),
  export: (name: string, to: string, quantize: string | null) => call<Shipping>("POST", `${run(name)}/export`, { to, quantize }),
  serve: (name: string, port: number) => call<Shipping>("POST", `${run(name)}/serving`, { port }),
  unserve: (name: string) => call<Shipping>("DELETE", `${run(name)}/serving`),
  lessons: () => call<Course>("GET", "lessons"),
  lesson: (name: string) => call<Lesson>("GET", `lessons/${encodeURIComponent(name)}`),
  lessonViews: (name: string) => call<{ views: Shown[] }>("GET", `lessons/${encodeURIComponent(name)}/views`),
  check: (exercise: string, given: string[]) => call<Verdict>("POST", `exercises/${exercise}/check`, { given }),
  data: () => call<any>("GET", "data"),
  preview: (spec: string, count = 24) => call<any>("GET", `data/preview${query({ spec, count })}`),
  checkData: (spec: string) => call<any>("POST", "data/check", { spec }),
  upload: (wish: unknown) => call<{ id: string; spec?: string }>("POST", "uploads", wish),
  uploadFile: (id: string, file: File, options: { label?: string; name?: string }) =>
    call<{ files: number }>("POST", `uploads/${id}/files${query(options)}`, file),
  uploaded: (id: string) => call<any>("GET", `uploads/${id}`),
  removeUpload: (id: string) => call<unknown>("DELETE", `uploads/${id}`),
};

// How far the reader has come. It is kept in this browser and goes nowhere else.
const NAME = "tongsu.lessons";

interface Kept {
  /** Sections that were read, by lesson. */
  read: Record<string, string[]>;
  /** Exercises that were passed. */
  passed: string[];
  /** What was written for an exercise so far. */
  code: Record<string, string>;
}

function kept(): Kept {
  const nothing: Kept = { read: {}, passed: [], code: {} };
  try {
    return { ...nothing, ...JSON.parse(localStorage.getItem(NAME) ?? "{}") };
  } catch {
    return nothing;
  }
}

let now = $state.raw(kept());
addEventListener("storage", (event) => {
  if (event.key === NAME || event.key === null) now = kept();
});

/** Another tab may have written meanwhile. */
function change(by: (before: Kept) => Kept) {
  now = by(kept());
  localStorage.setItem(NAME, JSON.stringify(now));
}

const added = (list: string[], one: string) => (list.includes(one) ? list : [...list, one]);

export const progress = {
  isRead: (lesson: string, section: string) => (now.read[lesson] ?? []).includes(section),
  read(lesson: string, section: string) {
    if (!this.isRead(lesson, section)) change((old) => ({ ...old, read: { ...old.read, [lesson]: added(old.read[lesson] ?? [], section) } }));
  },
  isPassed: (exercise: string) => now.passed.includes(exercise),
  pass: (exercise: string) => change((old) => ({ ...old, passed: added(old.passed, exercise) })),
  code: (exercise: string): string | undefined => now.code[exercise],
  /** null: back to the starting code. */
  write(exercise: string, text: string | null) {
    change((old) => {
      const { [exercise]: _, ...others } = old.code;
      return { ...old, code: text === null ? others : { ...others, [exercise]: text } };
    });
  },
  get any() {
    return Object.keys(now.read).length + now.passed.length + Object.keys(now.code).length > 0;
  },
  clear() {
    localStorage.removeItem(NAME);
    now = kept();
  },
};

// Several questions one after another, each shown as soon as it is answered, until all are done or somebody stops.
import { troubleOf, type Trouble } from "./api";

export class Series<T> {
  answers = $state.raw<T[]>([]);
  total = $state(0);
  busy = $state(false);
  trouble = $state.raw<Trouble | null>(null);
  private turn = 0;

  async run(questions: (() => Promise<T>)[]) {
    const turn = ++this.turn;
    this.answers = [];
    this.total = questions.length;
    this.trouble = null;
    this.busy = true;
    try {
      for (const ask of questions) {
        const answer = await ask();
        if (turn !== this.turn) return;
        this.answers = [...this.answers, answer];
      }
    } catch (error) {
      const trouble = troubleOf(error);
      if (turn === this.turn) this.trouble = trouble;
    }
    if (turn === this.turn) this.busy = false;
  }

  /** What is under way is finished by the server, and no longer waited for. */
  stop() {
    this.turn++;
    this.busy = false;
  }
}

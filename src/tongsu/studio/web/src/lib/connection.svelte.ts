// Whether the studio answers. Once it does not, the page says so and knocks until it does again.
const KNOCK = 2000; // milliseconds

class Connection {
  away = $state(false);
  /** How often it came back: who reads this asks anew. */
  returns = $state(0);
  private knocking = false;

  /** Something went unanswered: find out whether the studio is there, and knock while it is not. */
  async doubt() {
    if (this.knocking) return;
    this.knocking = true;
    while (!(await this.answers())) {
      this.away = true;
      await new Promise((done) => setTimeout(done, KNOCK));
    }
    this.knocking = false;
    if (!this.away) return;
    this.away = false;
    this.returns++;
  }

  private answers = () => fetch("/api/studio", { credentials: "same-origin" }).then(() => true, () => false);
}

export const connection = new Connection();

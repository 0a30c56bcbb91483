// Doubtful joins to decide, the least certain first. Decisions are sent one after another while the next is looked at.
import { get, post } from "/page/api.js";

const AT_ONCE = 24;
const MOST = 200;
const FEW = 8;

const key = (pair) => `${pair.first} ${pair.second}`;

/**
 * `changed` is called when more came in or something went wrong (with the error); `told` with an entry of `past` and
 * what the service made of it (null for one that was passed over), or "undone".
 */
export class ReviewQueue {
  constructor(changed, told) {
    this.changed = changed;
    this.told = told;
    this.pairs = [];
    this.past = [];
    this.decided = 0;
    this.skipped = new Set();
    this.complete = false;
    this.sending = Promise.resolve();
    this.acting = Promise.resolve();
    this.loading = null;
    this.failed = null;
  }

  get current() {
    return this.pairs[0] ?? null;
  }

  /** Asks for joins; what was decided before has arrived by then, so nothing is asked that it has settled. */
  load() {
    this.loading ??= this.fetch().catch((error) => {
      this.loading = null;
      this.failed = error;
      throw error;
    });
    return this.loading;
  }

  async fetch() {
    await this.sending;
    const limit = Math.min(MOST, AT_ONCE + this.skipped.size);
    const found = await get(`/v1/decisions?limit=${limit}`);
    const answered = new Set(this.past.map((each) => key(each.pair)));
    const now = this.current;
    const others = found.filter((each) => !answered.has(key(each)) && (now === null || key(each) !== key(now)));
    this.pairs = now === null ? others : [now, ...others];
    this.complete = found.length < limit;
    this.loading = this.failed = null;
    this.changed();
  }

  /** Does one thing after the other, in the order in which keys were pressed: what is undone has to be here again. */
  inTurn(work) {
    this.acting = this.acting.then(work).catch((error) => this.changed(error)).then(() => this.changed());
    return this.acting;
  }

  /** Says of the current pair whether it is one person; null passes it over. */
  answer(same) {
    return this.inTurn(() => this.take(same));
  }

  take(same) {
    const pair = this.pairs.shift();
    if (!pair) return;
    const entry = { pair, same, change: null };
    this.past.push(entry);
    if (same === null) {
      this.skipped.add(key(pair));
      this.told(entry, null);
    } else {
      this.decided += 1;
      this.sending = this.sending.then(() => this.send(entry));
    }
    if (this.pairs.length === 0 || (this.pairs.length < FEW && !this.complete)) this.load().catch((error) => this.changed(error));
  }

  async send(entry) {
    const { first, second } = entry.pair;
    try {
      const made = await post("/v1/decisions", { first, second, same: entry.same });
      entry.change = made.change;
      this.settle(made.identities, entry);
      this.told(entry, made);
    } catch (error) {
      this.decided -= 1;
      this.past = this.past.filter((each) => each !== entry);
      this.changed(error);
    }
  }

  /** Pairs of which a decision leaves nothing to ask: both sides are one person by it. */
  settle([one, other], entry) {
    if (!entry.same || one === null || one !== other) return;
    const mine = new Set(entry.pair.sides.map((side) => side.identity).filter((each) => each !== null));
    const waiting = this.pairs.slice(1).filter((each) => each.joined || !each.sides.every((side) => mine.has(side.identity)));
    this.pairs = [...this.pairs.slice(0, 1), ...waiting];
  }

  /** Takes the last answer back, and asks it again. */
  undo() {
    return this.inTurn(() => this.takeLastBack());
  }

  async takeLastBack() {
    const entry = this.past.at(-1);
    if (!entry) throw Object.assign(new Error("There is nothing to take back."), { status: 0 });
    if (entry.same === null) this.skipped.delete(key(entry.pair));
    else {
      await this.sending;
      if (!this.past.includes(entry)) return;
      await takeBack(entry.change);
      this.decided -= 1;
    }
    this.past = this.past.filter((each) => each !== entry);
    this.pairs.unshift(entry.pair);
    this.told(entry, "undone");
  }

  /** Asks again what was passed over. */
  again() {
    this.past = this.past.filter((each) => each.same !== null);
    this.skipped.clear();
    this.complete = false;
    return this.load();
  }
}

/** Undoes this change and no other; not if somebody has since changed what it is about. */
async function takeBack(change) {
  try {
    await post("/v1/undo", { change });
  } catch (error) {
    if (error.status !== 409) throw error;
    throw Object.assign(new Error("Somebody has changed something about these people since. Look into the log before you undo it."), { status: 409 });
  }
}

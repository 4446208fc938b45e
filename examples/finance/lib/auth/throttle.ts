/**
 * Slows down guessing: a few attempts to sign in per account and minute. The counts live in this
 * process, which is exact as long as one process serves the API and still a brake when several do.
 */

const ATTEMPTS_MAX = 5;
const WINDOW_MS = 60_000;
/**
 * Past this many accounts the oldest are forgotten, so that invented addresses cannot fill the
 * memory.
 */
const ACCOUNTS_MAX = 10_000;

interface Window {
  attempts: number;
  endsAt: number;
}

export class Throttle {
  readonly #windows = new Map<string, Window>();

  constructor(private readonly now: () => number = Date.now) {}

  /** Counts an attempt. Answers 0 when it may go ahead, else the seconds to wait. */
  attempt(account: string): number {
    const now = this.now();
    const known = this.#windows.get(account);
    const window = known && known.endsAt > now ? known : { attempts: 0, endsAt: now + WINDOW_MS };
    if (window.attempts >= ATTEMPTS_MAX) return Math.ceil((window.endsAt - now) / 1000);
    window.attempts += 1;
    this.#keep(account, window);
    return 0;
  }

  succeeded(account: string): void {
    this.#windows.delete(account);
  }

  get size(): number {
    return this.#windows.size;
  }

  #keep(account: string, window: Window): void {
    // A Map iterates in order of insertion, so what is touched last is forgotten last.
    this.#windows.delete(account);
    this.#windows.set(account, window);
    if (this.#windows.size <= ACCOUNTS_MAX) return;
    const oldest = this.#windows.keys().next();
    if (!oldest.done) this.#windows.delete(oldest.value);
  }
}

export const loginThrottle = new Throttle();

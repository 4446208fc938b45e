// What an action has done that its answer says to the client, and what has to be told of it here.

/** Everything that the client shows may be old, prefetched pages too, by the number of the header. */
export const REVALIDATED_ALL = 1
/** Only what is made for each request may be. */
export const REVALIDATED_DYNAMIC = 2

/** The effects of one call. */
export class ActionEffects {
  /** The number that `x-action-revalidated` says, or 0. */
  revalidated = 0
  /** Takes an error of the program, for the log and the project's error hook. */
  readonly fail: (error: unknown) => void
  /** Takes why a call is none. */
  readonly refuse: (why: Error) => void

  constructor(fail: (error: unknown) => void, refuse: (why: Error) => void) {
    this.fail = fail
    this.refuse = refuse
  }

  /** Notes that what the client shows may be old now. */
  revalidate(kind: number): void {
    if (this.revalidated !== REVALIDATED_ALL) this.revalidated = kind
  }
}

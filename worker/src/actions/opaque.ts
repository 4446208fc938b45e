// What a client keeps to itself: values that it cannot send (an event, an element) arrive as a token.
// An action may hand it back, and React's client then finds its own value again.

const places = new WeakMap<object, string>()

const refuse = (): never => {
  throw new Error(
    'A value that only exists in the client (such as an event or a React element) was passed to ' +
      'a Server Action; it can be handed back, and not be looked at.',
  )
}

const handler: ProxyHandler<object> = {
  // Whoever awaits the token or prints it does not look at the value.
  get: (_, name) => (typeof name === 'symbol' || name === 'then' ? undefined : refuse()),
  set: refuse,
  has: refuse,
  deleteProperty: refuse,
  defineProperty: refuse,
  ownKeys: refuse,
  apply: refuse,
  construct: refuse,
}

/** A token for what the client has at this place of its arguments. */
export function opaque(place: string): object {
  const token = new Proxy(function () {}, handler)
  places.set(token, place)
  return token
}

/** The place that a token stands for. */
export function placeOf(value: object): string | undefined {
  return places.get(value)
}

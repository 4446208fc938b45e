// `searchParams` of a page: a promise, as since Next 15, whose value's members it has as well, as up to
// Next 14. The query is looked at only when the page does so, because an answer that depends on it is
// not for everybody.

/** The value: a name that is there more than once has a list. */
export type SearchParams = Record<string, string | string[]>

/** Names that are the promise's own. */
const OF_PROMISES = new Set<PropertyKey>(['then', 'catch', 'finally', Symbol.toStringTag])

/** What a page is given for the query that `read` knows. */
export function searchParamsOf(read: () => URLSearchParams): Promise<SearchParams> {
  let value: SearchParams | null = null
  const known = (): SearchParams => (value ??= gathered(read()))
  let promise: Promise<SearchParams> | null = null
  const target = Promise.resolve({}) as never as object
  return new Proxy(target, {
    get(_, name) {
      if (!OF_PROMISES.has(name)) return Reflect.get(known(), name)
      const settled = (promise ??= Promise.resolve(known()))
      const member: unknown = Reflect.get(settled, name)
      return typeof member === 'function' ? member.bind(settled) : member
    },
    has: (_, name) => OF_PROMISES.has(name) || name in known(),
    ownKeys: () => Reflect.ownKeys(known()),
    getOwnPropertyDescriptor(_, name) {
      const own = Reflect.getOwnPropertyDescriptor(known(), name)
      return own === undefined ? undefined : { ...own, configurable: true }
    },
    set: () => false,
    deleteProperty: () => false,
  }) as never
}

function gathered(query: URLSearchParams): SearchParams {
  const all: SearchParams = Object.create(null) as SearchParams
  for (const [name, value] of query) {
    const former = all[name]
    if (former === undefined) all[name] = value
    else if (typeof former === 'string') all[name] = [former, value]
    else former.push(value)
  }
  return { ...all }
}

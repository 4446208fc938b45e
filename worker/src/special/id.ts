// What tells several answers of one file apart: sitemaps, images.

/** The parameter in the path of one of several. */
export const ID_PARAM = '__metadata_id__'

/** The id of an item that the function `namer` of the file `name` has returned. */
export function idOf(
  item: { id?: unknown } | null | undefined,
  namer: string,
  name: string,
): unknown {
  const id = item?.id
  if (id === undefined || id === null)
    throw new Error(`every item that ${namer} in ${name} returns needs an id`)
  return id
}

/**
 * Since Next 16 the id is the promise of a string. Before, it was what the file's function had
 * returned, which code used in texts and calculations without waiting for it.
 */
export function hybridId(text: string, id: unknown): Promise<string> {
  const toPrimitive = { value: () => id, configurable: true }
  return Object.defineProperty(Promise.resolve(text), Symbol.toPrimitive, toPrimitive)
}

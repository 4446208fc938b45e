// The maxima of what an action is called with. The server bounds the bytes of the body
// (`serverActions.bodySizeLimit`); these bound what few bytes can ask for.

/** How deep values may lie in each other, in arguments and in results. */
export const DEPTH_MAX = 200
/** Values in one call: what objects, lists, maps and sets hold. */
export const VALUES_MAX = 200_000
/** Fields and files of a multipart body. */
export const PARTS_MAX = 10_000
/** Characters of a big integer, as React limits them: reading one takes the square of its length. */
export const BIGINT_CHARS_MAX = 300
/** Names in a reference from one value into another. */
export const PATH_NAMES_MAX = 64
/** Arguments that a function is called with, bound ones included. */
export const ARGUMENTS_MAX = 1000

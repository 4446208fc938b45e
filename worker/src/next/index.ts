// The bare `next`. Its types are all that most programs want of it, and types are gone by now.

/** Starts Next itself in a custom server; byway is the server. */
export default function next(): never {
  throw new Error(
    'byway does not run custom servers: `next()` cannot be called. Start the project with ' +
      "`byway start` and move the custom server's routes into route handlers.",
  )
}

// What `req.socket.server` is. Libraries ask it for its end, or keep things on it; the HTTP server
// itself is byway, to whose requests and upgrades nobody can attach from a route.

import { EventEmitter } from 'node:events'

const REFUSED = new Set<unknown>(['connection', 'request', 'upgrade'])

/** One for all requests of the worker, as under Next. */
export const server = Object.assign(new EventEmitter(), { listening: true })

server.on('newListener', (event: string | symbol) => {
  if (!REFUSED.has(event)) return
  throw new Error(
    `res.socket.server has no '${String(event)}' events: byway itself is the HTTP server, so that a ` +
      'WebSocket server cannot attach to it from an API route. Run it on a port of its own.',
  )
})

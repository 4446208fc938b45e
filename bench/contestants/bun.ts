// Bun's own server with its router.
import { TEXT_100K, TEXT_1K, TEXT_TYPE, catalog, order, user } from '../project/lib/answers.mjs'

Bun.serve({
  port: Number(process.env.PORT),
  hostname: process.env.HOSTNAME,
  routes: {
    '/api/users/:id': {
      GET: (req) => Response.json(user(req.params.id, new URL(req.url).searchParams.get('view'))),
    },
    '/api/orders': {
      POST: async (req) => {
        const { status, body } = order(await req.json())
        return Response.json(body, { status })
      },
    },
    '/api/text/1k': { GET: () => new Response(TEXT_1K, { headers: { 'content-type': TEXT_TYPE } }) },
    '/api/text/100k': { GET: () => new Response(TEXT_100K, { headers: { 'content-type': TEXT_TYPE } }) },
    '/api/catalog': { GET: () => Response.json(catalog()) },
  },
  fetch: () => Response.json({ error: 'not found' }, { status: 404 }),
})

// Fastify with its defaults.
import Fastify from 'fastify'
import { TEXT_100K, TEXT_1K, TEXT_TYPE, catalog, order, user } from '../project/lib/answers.mjs'

const app = Fastify()

app.get('/api/users/:id', async (req) => user(req.params.id, req.query.view))
app.post('/api/orders', async (req, reply) => {
  const { status, body } = order(req.body)
  reply.code(status)
  return body
})
app.get('/api/text/1k', async (req, reply) => reply.type(TEXT_TYPE).send(TEXT_1K))
app.get('/api/text/100k', async (req, reply) => reply.type(TEXT_TYPE).send(TEXT_100K))
app.get('/api/catalog', async () => catalog())

await app.listen({ port: Number(process.env.PORT), host: process.env.HOSTNAME })

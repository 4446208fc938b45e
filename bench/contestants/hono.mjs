// Hono on Node.
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { TEXT_100K, TEXT_1K, TEXT_TYPE, catalog, order, user } from '../project/lib/answers.mjs'

const app = new Hono()

app.get('/api/users/:id', (c) => c.json(user(c.req.param('id'), c.req.query('view'))))
app.post('/api/orders', async (c) => {
  const { status, body } = order(await c.req.json())
  return c.json(body, status)
})
app.get('/api/text/1k', (c) => c.body(TEXT_1K, 200, { 'content-type': TEXT_TYPE }))
app.get('/api/text/100k', (c) => c.body(TEXT_100K, 200, { 'content-type': TEXT_TYPE }))
app.get('/api/catalog', (c) => c.json(catalog()))

serve({ fetch: app.fetch, port: Number(process.env.PORT), hostname: process.env.HOSTNAME })

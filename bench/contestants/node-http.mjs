// Node's own HTTP server and nothing else.
import { createServer } from 'node:http'
import { TEXT_100K, TEXT_1K, TEXT_TYPE, catalog, order, user } from '../project/lib/answers.mjs'

function json(res, status, body) {
  const text = JSON.stringify(body)
  res.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) })
  res.end(text)
}

function plain(res, text) {
  res.writeHead(200, { 'content-type': TEXT_TYPE, 'content-length': Buffer.byteLength(text) })
  res.end(text)
}

async function readJson(req) {
  const pieces = []
  for await (const piece of req) pieces.push(piece)
  return JSON.parse(Buffer.concat(pieces).toString())
}

async function answer(req, res) {
  const [path, query] = req.url.split('?', 2)
  if (req.method === 'GET') {
    if (path.startsWith('/api/users/')) {
      const id = decodeURIComponent(path.slice('/api/users/'.length))
      return json(res, 200, user(id, new URLSearchParams(query).get('view')))
    }
    if (path === '/api/text/1k') return plain(res, TEXT_1K)
    if (path === '/api/text/100k') return plain(res, TEXT_100K)
    if (path === '/api/catalog') return json(res, 200, catalog())
  }
  if (req.method === 'POST' && path === '/api/orders') {
    const { status, body } = order(await readJson(req))
    return json(res, status, body)
  }
  json(res, 404, { error: 'not found' })
}

createServer((req, res) => {
  answer(req, res).catch(() => {
    json(res, 500, { error: 'internal error' })
  })
}).listen(Number(process.env.PORT), process.env.HOSTNAME)

import { order } from '../../../lib/answers.mjs'

export async function POST(request: Request) {
  const { status, body } = order(await request.json())
  return Response.json(body, { status })
}

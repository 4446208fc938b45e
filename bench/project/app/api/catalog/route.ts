import { catalog } from '../../../lib/answers.mjs'

export const dynamic = 'force-static'

export function GET() {
  return Response.json(catalog())
}

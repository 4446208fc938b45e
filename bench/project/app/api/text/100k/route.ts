import { TEXT_100K, TEXT_TYPE } from '../../../../lib/answers.mjs'

export function GET() {
  return new Response(TEXT_100K, { headers: { 'content-type': TEXT_TYPE } })
}

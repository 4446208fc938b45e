import { TEXT_1K, TEXT_TYPE } from '../../../../lib/answers.mjs'

export function GET() {
  return new Response(TEXT_1K, { headers: { 'content-type': TEXT_TYPE } })
}

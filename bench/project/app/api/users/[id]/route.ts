import type { NextRequest } from 'next/server'
import { user } from '../../../../lib/answers.mjs'

export async function GET(request: NextRequest, { params }: { params: Promise<{ id: string }> }) {
  const { id } = await params
  return Response.json(user(id, request.nextUrl.searchParams.get('view')))
}

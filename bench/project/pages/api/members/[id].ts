import type { NextApiRequest, NextApiResponse } from 'next'
import { user } from '../../../lib/answers.mjs'

export default function handler(req: NextApiRequest, res: NextApiResponse) {
  const { id, view } = req.query
  res.status(200).json(user(id as string, view as string | undefined))
}

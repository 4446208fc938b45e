/**
 * The list that partners embed in their own sites. It is older than the other endpoints and still an
 * API route of the Pages Router; both kinds share the libraries and the database connection.
 */

import type { NextApiRequest, NextApiResponse } from "next";
import { database } from "../../../lib/database";

export const config = { api: { bodyParser: false } };

export default async function handler(request: NextApiRequest, response: NextApiResponse) {
  response.setHeader("Access-Control-Allow-Origin", "*");
  if (request.method !== "GET" && request.method !== "HEAD") {
    response.setHeader("Allow", ["GET", "HEAD"]);
    return response.status(405).end(`Method ${request.method} Not Allowed`);
  }
  const db = await database();
  const causes = await db.waqfCause.findMany({
    where: { status: "open" },
    orderBy: { slug: "asc" },
    select: { slug: true, title: true, _count: { select: { donations: true } } },
  });
  response.status(200).json(
    causes.map(({ slug, title, _count }) => ({ slug, title, given: _count.donations > 0 })),
  );
}

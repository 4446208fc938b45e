/** For load balancers: whether this process answers and reaches its database. */

import { connection } from "@/lib/database";
import { json } from "@/lib/http/endpoint";

export async function GET() {
  const timestamp = new Date().toISOString();
  try {
    const { kind, client } = await connection();
    await client.$queryRaw`SELECT 1`;
    return json({ status: "ok", database: kind, timestamp });
  } catch (error) {
    console.error("the database cannot be reached:", error);
    return json({ status: "unavailable", timestamp }, { status: 503 });
  }
}

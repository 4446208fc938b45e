import { json } from "@/lib/http";

export function GET(): Response {
  return json({ status: "ok", timestamp: new Date().toISOString() });
}

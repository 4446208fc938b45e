import { endpoint, json } from "@/lib/http/endpoint";
import { check } from "@/lib/http/input";
import { findCause, slugSchema } from "@/lib/waqf/causes";

export const GET = endpoint<{ slug: string }>(async (_request, { params }) => {
  const { slug } = check(slugSchema, await params);
  return json(await findCause(slug));
});

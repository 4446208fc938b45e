import { endpoint, json } from "@/lib/http/endpoint";
import { readQuery } from "@/lib/http/input";
import { causeListSchema, listCauses } from "@/lib/waqf/causes";

export const GET = endpoint(async (request) => {
  const { status } = readQuery(request, causeListSchema);
  return json({ data: await listCauses(status) });
});

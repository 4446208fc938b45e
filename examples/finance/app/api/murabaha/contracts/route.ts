import { requireOfficer, requireUser } from "@/lib/auth/session";
import { created, endpoint } from "@/lib/http/endpoint";
import { readJson, readQuery } from "@/lib/http/input";
import { pageOf } from "@/lib/http/pagination";
import { contractListSchema, listContracts, offer, offerSchema } from "@/lib/murabaha/contracts";
import { contractView } from "@/lib/murabaha/views";

export const GET = endpoint(async (request) => {
  const user = await requireUser();
  const query = readQuery(request, contractListSchema);
  const [rows, total] = await listContracts(user, query);
  return pageOf(rows.map(contractView), total, query);
});

export const POST = endpoint(async (request) => {
  await requireOfficer();
  const row = await offer(await readJson(request, offerSchema));
  return created(`/api/murabaha/contracts/${row.id}`, contractView(row));
});

import { requireUser } from "@/lib/auth/session";
import { created, endpoint } from "@/lib/http/endpoint";
import { readJson, readQuery } from "@/lib/http/input";
import { pageOf } from "@/lib/http/pagination";
import {
  applicationListSchema,
  applicationSchema,
  applicationView,
  apply,
  listApplications,
} from "@/lib/murabaha/applications";

export const GET = endpoint(async (request) => {
  const user = await requireUser();
  const query = readQuery(request, applicationListSchema);
  const [rows, total] = await listApplications(user, query);
  return pageOf(rows.map(applicationView), total, query);
});

export const POST = endpoint(async (request) => {
  const user = await requireUser();
  const row = await apply(user, await readJson(request, applicationSchema));
  return created(`/api/murabaha/applications/${row.id}`, applicationView(row));
});

import { requireUser } from "@/lib/auth/session";
import { created, endpoint } from "@/lib/http/endpoint";
import { readJson, readQuery } from "@/lib/http/input";
import { pageOf, pageSchema } from "@/lib/http/pagination";
import {
  calculate,
  calculationSchema,
  calculationView,
  listCalculations,
} from "@/lib/zakat/calculations";

export const GET = endpoint(async (request) => {
  const user = await requireUser();
  const page = readQuery(request, pageSchema);
  const [rows, total] = await listCalculations(user, page);
  return pageOf(rows.map(calculationView), total, page);
});

export const POST = endpoint(async (request) => {
  const user = await requireUser();
  const row = await calculate(user, await readJson(request, calculationSchema));
  return created(`/api/zakat/calculations/${row.id}`, calculationView(row));
});

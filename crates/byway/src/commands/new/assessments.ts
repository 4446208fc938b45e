import { created, endpoint, json, readJson } from "@/lib/http";
import { assess, keep, list, readWealth } from "@/lib/zakat";

export const GET = endpoint(() => json({ assessments: list() }));

export const POST = endpoint(async (request) => {
  const assessment = keep(assess(readWealth(await readJson(request))));
  return created(`/api/zakat/assessments/${assessment.id}`, assessment);
});

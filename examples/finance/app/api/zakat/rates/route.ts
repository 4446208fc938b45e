import { NextResponse } from "next/server";
import { requireOfficer } from "@/lib/auth/session";
import { endpoint, json } from "@/lib/http/endpoint";
import { readJson, readQuery } from "@/lib/http/input";
import {
  currentRates,
  publishRates,
  ratesQuerySchema,
  ratesSchema,
  ratesTag,
  ratesView,
} from "@/lib/zakat/rates";

export const GET = endpoint(async (request) => {
  const { currency } = readQuery(request, ratesQuerySchema);
  const rates = await currentRates(currency);
  // Anybody may keep the answer but asks each time whether it is still current.
  const headers = { "Cache-Control": "public, no-cache", ETag: ratesTag(rates) };
  if (request.headers.get("if-none-match") === headers.ETag)
    return new NextResponse(null, { status: 304, headers });
  return json(ratesView(rates), { headers });
});

export const PUT = endpoint(async (request) => {
  await requireOfficer();
  const rates = await publishRates(await readJson(request, ratesSchema));
  return json(ratesView(rates), { headers: { ETag: ratesTag(rates) } });
});

import { requireUser } from "@/lib/auth/session";
import { endpoint } from "@/lib/http/endpoint";
import { donationsCsv } from "@/lib/waqf/export";

export const GET = endpoint(async () => {
  const user = await requireUser();
  return new Response(donationsCsv(user), {
    headers: {
      "Content-Type": "text/csv; charset=utf-8",
      "Content-Disposition": 'attachment; filename="donations.csv"',
      "Cache-Control": "no-store",
    },
  });
});

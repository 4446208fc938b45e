import { endSession } from "@/lib/auth/session";
import { endpoint, noContent } from "@/lib/http/endpoint";

export const POST = endpoint(async () => {
  await endSession();
  return noContent();
});

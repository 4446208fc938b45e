-- The tables of prisma/schema.prisma. Applied and recorded by scripts/prepare-database.mjs;
-- a migration that has been released is never edited, a change is a new file.

CREATE TABLE "users" (
  "id" TEXT NOT NULL PRIMARY KEY,
  "email" TEXT NOT NULL,
  "name" TEXT NOT NULL,
  "passwordHash" TEXT NOT NULL,
  "role" TEXT NOT NULL DEFAULT 'customer',
  "createdAt" TIMESTAMP(3) NOT NULL
);
CREATE UNIQUE INDEX "users_email_key" ON "users" ("email");

CREATE TABLE "zakat_rates" (
  "id" SERIAL PRIMARY KEY,
  "currency" TEXT NOT NULL,
  "goldPerGram" BIGINT NOT NULL,
  "silverPerGram" BIGINT NOT NULL,
  "createdAt" TIMESTAMP(3) NOT NULL,
  CHECK ("goldPerGram" > 0),
  CHECK ("silverPerGram" > 0)
);
CREATE INDEX "zakat_rates_currency_id_idx" ON "zakat_rates" ("currency", "id");

CREATE TABLE "zakat_calculations" (
  "id" TEXT NOT NULL PRIMARY KEY,
  "userId" TEXT NOT NULL REFERENCES "users" ("id") ON UPDATE CASCADE ON DELETE RESTRICT,
  "ratesId" INTEGER NOT NULL REFERENCES "zakat_rates" ("id") ON UPDATE CASCADE ON DELETE RESTRICT,
  "currency" TEXT NOT NULL,
  "nisabBasis" TEXT NOT NULL,
  "yearBasis" TEXT NOT NULL,
  "yearCompleted" BOOLEAN NOT NULL,
  "cashMinor" BIGINT NOT NULL,
  "tradeGoodsMinor" BIGINT NOT NULL,
  "receivablesMinor" BIGINT NOT NULL,
  "debtsMinor" BIGINT NOT NULL,
  "goldMilligrams" BIGINT NOT NULL,
  "silverMilligrams" BIGINT NOT NULL,
  "netMinor" BIGINT NOT NULL,
  "nisabMinor" BIGINT NOT NULL,
  "zakatMinor" BIGINT NOT NULL,
  "outcome" TEXT NOT NULL,
  "notes" TEXT,
  "createdAt" TIMESTAMP(3) NOT NULL
);
CREATE INDEX "zakat_calculations_userId_createdAt_idx"
  ON "zakat_calculations" ("userId", "createdAt");

CREATE TABLE "murabaha_applications" (
  "id" TEXT NOT NULL PRIMARY KEY,
  "userId" TEXT NOT NULL REFERENCES "users" ("id") ON UPDATE CASCADE ON DELETE RESTRICT,
  "itemDescription" TEXT NOT NULL,
  "vendor" TEXT NOT NULL,
  "currency" TEXT NOT NULL,
  "costMinor" BIGINT NOT NULL,
  "downPaymentMinor" BIGINT NOT NULL,
  "termMonths" INTEGER NOT NULL,
  "status" TEXT NOT NULL DEFAULT 'pending',
  "decisionNote" TEXT,
  "decidedAt" TIMESTAMP(3),
  "createdAt" TIMESTAMP(3) NOT NULL,
  CHECK ("costMinor" > 0),
  CHECK ("downPaymentMinor" >= 0 AND "downPaymentMinor" < "costMinor")
);
CREATE INDEX "murabaha_applications_userId_createdAt_idx"
  ON "murabaha_applications" ("userId", "createdAt");
CREATE INDEX "murabaha_applications_status_createdAt_idx"
  ON "murabaha_applications" ("status", "createdAt");

CREATE TABLE "murabaha_contracts" (
  "id" TEXT NOT NULL PRIMARY KEY,
  "applicationId" TEXT NOT NULL
    REFERENCES "murabaha_applications" ("id") ON UPDATE CASCADE ON DELETE RESTRICT,
  "userId" TEXT NOT NULL REFERENCES "users" ("id") ON UPDATE CASCADE ON DELETE RESTRICT,
  "currency" TEXT NOT NULL,
  "costMinor" BIGINT NOT NULL,
  "profitMinor" BIGINT NOT NULL,
  "downPaymentMinor" BIGINT NOT NULL,
  "termMonths" INTEGER NOT NULL,
  "firstDueDate" TEXT NOT NULL,
  "revision" INTEGER NOT NULL DEFAULT 1,
  "status" TEXT NOT NULL DEFAULT 'offered',
  "acceptedAt" TIMESTAMP(3),
  "createdAt" TIMESTAMP(3) NOT NULL,
  CHECK ("costMinor" > 0),
  CHECK ("profitMinor" >= 0),
  CHECK ("downPaymentMinor" >= 0 AND "downPaymentMinor" < "costMinor")
);
CREATE UNIQUE INDEX "murabaha_contracts_applicationId_key"
  ON "murabaha_contracts" ("applicationId");
CREATE INDEX "murabaha_contracts_userId_createdAt_idx"
  ON "murabaha_contracts" ("userId", "createdAt");

CREATE TABLE "instalment_payments" (
  "id" TEXT NOT NULL PRIMARY KEY,
  "contractId" TEXT NOT NULL
    REFERENCES "murabaha_contracts" ("id") ON UPDATE CASCADE ON DELETE RESTRICT,
  "number" INTEGER NOT NULL,
  "amountMinor" BIGINT NOT NULL,
  "reference" TEXT NOT NULL,
  "paidAt" TIMESTAMP(3) NOT NULL,
  CHECK ("amountMinor" > 0)
);
CREATE UNIQUE INDEX "instalment_payments_contractId_number_key"
  ON "instalment_payments" ("contractId", "number");

CREATE TABLE "waqf_causes" (
  "id" TEXT NOT NULL PRIMARY KEY,
  "slug" TEXT NOT NULL,
  "title" TEXT NOT NULL,
  "description" TEXT NOT NULL,
  "currency" TEXT NOT NULL,
  "goalMinor" BIGINT,
  "status" TEXT NOT NULL DEFAULT 'open',
  "createdAt" TIMESTAMP(3) NOT NULL
);
CREATE UNIQUE INDEX "waqf_causes_slug_key" ON "waqf_causes" ("slug");

CREATE TABLE "waqf_donations" (
  "id" TEXT NOT NULL PRIMARY KEY,
  "userId" TEXT NOT NULL REFERENCES "users" ("id") ON UPDATE CASCADE ON DELETE RESTRICT,
  "causeId" TEXT NOT NULL REFERENCES "waqf_causes" ("id") ON UPDATE CASCADE ON DELETE RESTRICT,
  "amountMinor" BIGINT NOT NULL,
  "anonymous" BOOLEAN NOT NULL DEFAULT FALSE,
  "message" TEXT,
  "status" TEXT NOT NULL DEFAULT 'pledged',
  "idempotencyKey" TEXT,
  "fingerprint" TEXT,
  "settledAt" TIMESTAMP(3),
  "createdAt" TIMESTAMP(3) NOT NULL,
  CHECK ("amountMinor" > 0)
);
CREATE UNIQUE INDEX "waqf_donations_userId_idempotencyKey_key"
  ON "waqf_donations" ("userId", "idempotencyKey");
CREATE INDEX "waqf_donations_userId_createdAt_idx" ON "waqf_donations" ("userId", "createdAt");
CREATE INDEX "waqf_donations_causeId_status_idx" ON "waqf_donations" ("causeId", "status");

CREATE TABLE "webhook_events" (
  "id" TEXT NOT NULL PRIMARY KEY,
  "type" TEXT NOT NULL,
  "receivedAt" TIMESTAMP(3) NOT NULL
);

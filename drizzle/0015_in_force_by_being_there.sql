ALTER TABLE "revocations" ALTER COLUMN "effective_at" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "api_key_versions" ADD COLUMN "ended" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "api_key_versions" ADD COLUMN "rotation_rule_id" text;--> statement-breakpoint
ALTER TABLE "api_keys" ADD COLUMN "ended" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "api_keys" ADD COLUMN "disabled_rule_id" text;--> statement-breakpoint
ALTER TABLE "api_keys" ADD COLUMN "revocation_planned" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "organizations" ADD COLUMN "suspended_rule_id" text;--> statement-breakpoint
ALTER TABLE "service_accounts" ADD COLUMN "disabled_rule_ids" text[];
--> statement-breakpoint
-- Which rule switched it off: until now, the open one with the same time. Where none is found, enabling adds a rule for earlier tokens.
UPDATE "api_keys" SET "disabled_rule_id" = (
	SELECT max("rule"."id") FROM "revocations" "rule"
	WHERE "rule"."kind" = 'api_key' AND "rule"."value" = "api_keys"."id" AND "rule"."effective_at" = "api_keys"."disabled_at"
		AND "rule"."reason" = 'disabled' AND "rule"."issued_before" IS NULL AND "rule"."expires_at" IS NULL AND "rule"."lifted_at" IS NULL
) WHERE "disabled_at" IS NOT NULL;
--> statement-breakpoint
UPDATE "organizations" SET "suspended_rule_id" = (
	SELECT max("rule"."id") FROM "revocations" "rule"
	WHERE "rule"."kind" = 'organization' AND "rule"."value" = "organizations"."id"
		AND "rule"."effective_at" = "organizations"."suspended_at"
		AND "rule"."issued_before" IS NULL AND "rule"."expires_at" IS NULL AND "rule"."lifted_at" IS NULL
) WHERE "suspended_at" IS NOT NULL;
--> statement-breakpoint
UPDATE "service_accounts" SET "disabled_rule_ids" = ARRAY(
	SELECT "rule"."id" FROM "revocations" "rule" JOIN "api_keys" "key" ON "key"."id" = "rule"."value"
	WHERE "key"."service_account_id" = "service_accounts"."id" AND "rule"."kind" = 'api_key'
		AND "rule"."effective_at" = "service_accounts"."disabled_at" AND "rule"."id" IS DISTINCT FROM "key"."disabled_rule_id"
		AND "rule"."issued_before" IS NULL AND "rule"."expires_at" IS NULL AND "rule"."lifted_at" IS NULL
) WHERE "disabled_at" IS NOT NULL;
--> statement-breakpoint
UPDATE "api_key_versions" SET "rotation_rule_id" = (
	SELECT max("rule"."id") FROM "revocations" "rule"
	WHERE "rule"."kind" = 'api_key' AND "rule"."value" = "api_key_versions"."api_key_id"
		AND "rule"."min_version" IS NULL AND "rule"."max_version" = "api_key_versions"."version"
		AND "rule"."effective_at" = "api_key_versions"."expires_at" AND "rule"."reason" = 'rotated'
		AND "rule"."issued_before" IS NULL AND "rule"."expires_at" IS NOT NULL AND "rule"."lifted_at" IS NULL
) WHERE "expires_at" IS NOT NULL;
--> statement-breakpoint
UPDATE "api_key_versions" SET "ended" = true WHERE "cancelled_at" IS NOT NULL;
--> statement-breakpoint
UPDATE "api_keys" SET "revocation_planned" = true WHERE "revoked_at" > clock_timestamp() AND EXISTS (
	SELECT FROM "revocations" "rule" WHERE "rule"."kind" = 'api_key' AND "rule"."value" = "api_keys"."id"
		AND "rule"."effective_at" = "api_keys"."revoked_at" AND "rule"."created_at" < "rule"."effective_at"
);
--> statement-breakpoint
-- A rule that was not planned was written with its own time.
DO $$
BEGIN
	IF EXISTS (SELECT FROM "revocation_state") THEN -- without it no rule is written, and there is none
		UPDATE "revocations" SET "effective_at" = NULL WHERE "effective_at" <= "created_at";
	END IF;
END
$$;
--> statement-breakpoint
COMMENT ON TABLE "service_state" IS 'code without migration 1795956431262 cannot use this schema';

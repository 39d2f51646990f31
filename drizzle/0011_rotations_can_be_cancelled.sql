ALTER TABLE "api_key_versions" ADD COLUMN "expires_at_before_rotation" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "api_key_versions" ADD COLUMN "cancelled_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "revocations" ADD COLUMN "min_version" integer;
--> statement-breakpoint
-- Appended at the end, so that readers that name the other columns keep working. They revoke more: also the versions before min_version.
CREATE OR REPLACE VIEW "mintage_revocations_v1" AS
SELECT
	"revocations"."id",
	"revocations"."kind",
	"revocations"."value",
	"revocations"."max_version",
	extract(epoch FROM "revocations"."issued_before")::double precision AS "issued_before",
	extract(epoch FROM "revocations"."effective_at")::double precision AS "effective_at",
	extract(epoch FROM "revocations"."expires_at")::double precision AS "expires_at",
	"revocations"."lifted_at" IS NOT NULL AS "lifted",
	"revocations"."xact_id",
	"service_state"."revocation_generation" AS "generation",
	"revocations"."min_version"
FROM "service_state" LEFT JOIN "revocations" ON true;

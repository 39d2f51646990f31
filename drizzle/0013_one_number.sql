CREATE TABLE "revocation_state" (
	"id" integer PRIMARY KEY DEFAULT 1 NOT NULL,
	"generation" bigint NOT NULL,
	"pruned_up_to" bigint DEFAULT 0 NOT NULL,
	"time_reserved" timestamp (3) with time zone,
	"largest_token_ttl_seconds" integer NOT NULL,
	CONSTRAINT "revocation_state_one_row" CHECK ("revocation_state"."id" = 1)
);
--> statement-breakpoint
INSERT INTO "revocation_state" ("generation", "largest_token_ttl_seconds")
	SELECT "revocation_generation", "largest_token_ttl_seconds" FROM "service_state";
--> statement-breakpoint
DROP VIEW "mintage_revocations_v1";
--> statement-breakpoint
DROP TRIGGER "mintage_notify_generation" ON "service_state";
--> statement-breakpoint
ALTER TABLE "revocations" ADD COLUMN "extended_to_seconds" integer;--> statement-breakpoint
ALTER TABLE "revocations" ADD COLUMN "sequence" bigint DEFAULT null;--> statement-breakpoint
ALTER TABLE "revocations" ADD COLUMN "branch" uuid DEFAULT gen_random_uuid() NOT NULL;--> statement-breakpoint
UPDATE "revocations" SET "sequence" = numbered."sequence"
	FROM (SELECT "id", row_number() OVER (ORDER BY "xact_id", "id") AS "sequence" FROM "revocations") numbered
	WHERE "revocations"."id" = numbered."id";
--> statement-breakpoint
ALTER TABLE "revocations" ALTER COLUMN "sequence" SET NOT NULL;--> statement-breakpoint
CREATE UNIQUE INDEX "revocations_sequence" ON "revocations" USING btree ("sequence");--> statement-breakpoint
ALTER TABLE "revocations" DROP COLUMN "xact_id";--> statement-breakpoint
ALTER TABLE "service_state" DROP COLUMN "revocation_generation";--> statement-breakpoint
ALTER TABLE "service_state" DROP COLUMN "largest_token_ttl_seconds";
--> statement-breakpoint
-- Gives each written rule the next number (docs/adr/0015-numbers-of-rules.md). The statement locks revocation_state before it locks any
-- rule, and until its transaction ends. So numbers are committed in their order, and writers cannot deadlock over rules.
-- `mintage.revocations_before` is the last number of other transactions: rules above it are this transaction's own.
CREATE FUNCTION "mintage_number_revocations"() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	latest bigint;
BEGIN
	IF TG_LEVEL = 'STATEMENT' THEN
		-- An older snapshot would show an older number, which is given already.
		IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
			RAISE EXCEPTION 'revocation rules cannot be written at the isolation level %: use read committed',
				current_setting('transaction_isolation') USING ERRCODE = 'feature_not_supported';
		END IF;
		PERFORM FROM public.revocation_state FOR NO KEY UPDATE;
		IF NOT FOUND THEN
			RAISE EXCEPTION 'the database was never started: revocation_state is empty. Run: mintage bootstrap';
		END IF;
	END IF;
	SELECT greatest(state.pruned_up_to, (SELECT max(rule.sequence) FROM public.revocations rule)) INTO latest
		FROM public.revocation_state state;
	IF TG_LEVEL = 'STATEMENT' THEN
		IF coalesce(current_setting('mintage.revocations_before', true), '') = '' THEN
			PERFORM set_config('mintage.revocations_before', latest::text, true);
		END IF;
		RETURN NULL;
	END IF;
	NEW.sequence := latest + 1;
	NEW.branch := gen_random_uuid();
	RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER "mintage_lock" BEFORE INSERT OR UPDATE OR DELETE ON "revocations"
	FOR EACH STATEMENT EXECUTE FUNCTION "mintage_number_revocations"();
--> statement-breakpoint
CREATE TRIGGER "mintage_number" BEFORE INSERT OR UPDATE ON "revocations"
	FOR EACH ROW EXECUTE FUNCTION "mintage_number_revocations"();
--> statement-breakpoint
-- A reader that has not read the highest deleted number may miss that a rule was lifted: it loads the whole list. The number never goes
-- back, whichever rule is deleted.
CREATE FUNCTION "mintage_prune_revocations"() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF TG_OP = 'TRUNCATE' THEN
		UPDATE public.revocation_state
			SET pruned_up_to = greatest(pruned_up_to, (SELECT max(rule.sequence) FROM public.revocations rule));
	ELSE
		UPDATE public.revocation_state SET pruned_up_to = highest.sequence
			FROM (SELECT max(gone.sequence) AS sequence FROM gone) highest WHERE pruned_up_to < highest.sequence;
	END IF;
	RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE TRIGGER "mintage_prune" AFTER DELETE ON "revocations" REFERENCING OLD TABLE AS gone
	FOR EACH STATEMENT EXECUTE FUNCTION "mintage_prune_revocations"();
--> statement-breakpoint
CREATE TRIGGER "mintage_prune_all" BEFORE TRUNCATE ON "revocations"
	FOR EACH STATEMENT EXECUTE FUNCTION "mintage_prune_revocations"();
--> statement-breakpoint
CREATE TRIGGER "mintage_notify_generation" AFTER UPDATE ON "revocation_state"
	FOR EACH ROW WHEN (OLD."generation" IS DISTINCT FROM NEW."generation")
	EXECUTE FUNCTION "mintage_notify_revocations"();
--> statement-breakpoint
-- The public interface for applications beside the database (docs/revocation.md). Times are seconds since 1970, so that no driver has to
-- parse dates. One row is about the list itself: its id is null.
CREATE VIEW "mintage_revocations_v2" AS
SELECT
	"revocations"."id",
	"revocations"."kind",
	"revocations"."value",
	"revocations"."min_version",
	"revocations"."max_version",
	extract(epoch FROM "revocations"."issued_before")::double precision AS "issued_before",
	extract(epoch FROM "revocations"."effective_at")::double precision AS "effective_at",
	extract(epoch FROM "revocations"."expires_at")::double precision AS "expires_at",
	"revocations"."lifted_at" IS NOT NULL AS "lifted",
	"revocations"."sequence",
	NULL::bigint AS "generation",
	NULL::bigint AS "pruned_up_to"
FROM "revocations"
UNION ALL
SELECT
	NULL::text, NULL::text, NULL::text, NULL::integer, NULL::integer,
	NULL::double precision, NULL::double precision, NULL::double precision, NULL::boolean,
	greatest("revocation_state"."pruned_up_to", (SELECT max("sequence") FROM "revocations")),
	"revocation_state"."generation",
	"revocation_state"."pruned_up_to"
FROM "revocation_state"
WHERE "revocation_state"."id" = 1; -- so that the planner expects one row
--> statement-breakpoint
DO $$
BEGIN
	IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'mintage_revocation_reader') THEN
		GRANT SELECT ON "mintage_revocations_v2" TO mintage_revocation_reader;
	ELSE
		RAISE NOTICE 'the role mintage_revocation_reader is missing: docs/postgresql.md says how to add it';
	END IF;
END
$$;
--> statement-breakpoint
COMMENT ON TABLE "service_state" IS 'code without migration 1795954823938 cannot use this schema';

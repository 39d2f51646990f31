-- The public interface for applications beside the database (docs/revocation.md). Instants are seconds since 1970, so that no driver's
-- date parsing stands between a rule and its reader. Joined from service_state: without any rule there is one row with a null id, which
-- still tells the generation.
CREATE VIEW "mintage_revocations_v1" AS
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
	"service_state"."revocation_generation" AS "generation"
FROM "service_state" LEFT JOIN "revocations" ON true;
--> statement-breakpoint
CREATE FUNCTION "mintage_notify_revocations"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_notify('mintage_revocations', '');
	RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE TRIGGER "mintage_notify" AFTER INSERT OR UPDATE ON "revocations"
	FOR EACH STATEMENT EXECUTE FUNCTION "mintage_notify_revocations"();
--> statement-breakpoint
CREATE TRIGGER "mintage_notify_generation" AFTER UPDATE ON "service_state"
	FOR EACH ROW WHEN (OLD."revocation_generation" IS DISTINCT FROM NEW."revocation_generation")
	EXECUTE FUNCTION "mintage_notify_revocations"();
--> statement-breakpoint
CREATE FUNCTION "mintage_notify_keyring"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_notify('mintage_keyring', '');
	RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE TRIGGER "mintage_notify_ring" AFTER UPDATE ON "service_state"
	FOR EACH ROW WHEN (OLD."ring_generation" IS DISTINCT FROM NEW."ring_generation")
	EXECUTE FUNCTION "mintage_notify_keyring"();
--> statement-breakpoint
-- A role belongs to the whole cluster: it may be there already, another database may be making it at this moment, and an owner of one
-- database may not be allowed to make roles at all. None of that stops the migration.
DO $$
BEGIN
	IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'mintage_revocation_reader') THEN
		CREATE ROLE mintage_revocation_reader NOLOGIN;
	END IF;
EXCEPTION
	WHEN duplicate_object OR unique_violation THEN NULL;
	WHEN insufficient_privilege THEN
		RAISE NOTICE 'the role mintage_revocation_reader is missing and could not be created here: docs/postgresql.md says how to add it';
END
$$;
--> statement-breakpoint
DO $$
BEGIN
	IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'mintage_revocation_reader') THEN
		EXECUTE format('GRANT USAGE ON SCHEMA %I TO mintage_revocation_reader', current_schema());
		GRANT SELECT ON "mintage_revocations_v1" TO mintage_revocation_reader;
	END IF;
END
$$;

CREATE TABLE "api_key_attempts" (
	"api_key_id" text NOT NULL,
	"version" integer NOT NULL,
	"attempts" bigint NOT NULL,
	"last_attempt_at" timestamp (3) with time zone NOT NULL,
	"last_reason" text NOT NULL,
	"addresses" text[] NOT NULL,
	"agents" text[] NOT NULL,
	CONSTRAINT "api_key_attempts_api_key_id_version_pk" PRIMARY KEY("api_key_id","version")
);
--> statement-breakpoint
ALTER TABLE "api_key_usage" ADD COLUMN "authentications" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "api_keys" ADD COLUMN "disabled_by" text;--> statement-breakpoint
ALTER TABLE "api_keys" ADD COLUMN "revoked_by" text;--> statement-breakpoint
UPDATE "api_key_usage" SET "authentications" = "exchanges";

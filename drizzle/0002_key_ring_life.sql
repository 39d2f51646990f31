CREATE TABLE "api_key_usage" (
	"api_key_id" text NOT NULL,
	"version" integer NOT NULL,
	"exchanges" bigint NOT NULL,
	"last_used_at" timestamp (3) with time zone NOT NULL,
	"last_expires_at" timestamp (3) with time zone NOT NULL,
	"addresses" text[] NOT NULL,
	"agents" text[] NOT NULL,
	CONSTRAINT "api_key_usage_api_key_id_version_pk" PRIMARY KEY("api_key_id","version")
);
--> statement-breakpoint
CREATE TABLE "leases" (
	"name" text PRIMARY KEY NOT NULL,
	"holder" text NOT NULL,
	"fence" bigint NOT NULL,
	"expires_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "signing_key_usage" (
	"kid" text PRIMARY KEY NOT NULL,
	"tokens" bigint NOT NULL,
	"last_signed_at" timestamp (3) with time zone NOT NULL,
	"last_expires_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "verifiers" (
	"client_id" text NOT NULL,
	"name" text NOT NULL,
	"kids" text[] NOT NULL,
	"last_fetched_at" timestamp (3) with time zone NOT NULL,
	"address" text,
	"agent" text,
	CONSTRAINT "verifiers_client_id_name_pk" PRIMARY KEY("client_id","name")
);
--> statement-breakpoint
ALTER TABLE "api_keys" ADD COLUMN "token_algorithm" text;--> statement-breakpoint
ALTER TABLE "signing_keys" ADD COLUMN "origin" text DEFAULT 'generated' NOT NULL;--> statement-breakpoint
CREATE INDEX "verifiers_last_fetched" ON "verifiers" USING btree ("last_fetched_at");
CREATE TABLE "deleted_secrets" (
	"hash" text PRIMARY KEY NOT NULL,
	"api_key_id" text NOT NULL,
	"deleted_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE INDEX "deleted_secrets_deleted_at" ON "deleted_secrets" USING btree ("deleted_at");
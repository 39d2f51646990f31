ALTER TABLE "signing_keys" ADD COLUMN "created_by" text DEFAULT 'system' NOT NULL;--> statement-breakpoint
ALTER TABLE "signing_keys" ADD COLUMN "revoked_by" text;--> statement-breakpoint
ALTER TABLE "signing_keys" ADD COLUMN "revocation_reason" text;
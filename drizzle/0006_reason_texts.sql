ALTER TABLE "api_keys" ADD COLUMN "revocation_text" text;--> statement-breakpoint
ALTER TABLE "revocations" ADD COLUMN "reason_text" text;
ALTER TABLE "api_keys" ADD COLUMN "disabled_reach" text;--> statement-breakpoint
ALTER TABLE "service_accounts" ADD COLUMN "disabled_reach" text;
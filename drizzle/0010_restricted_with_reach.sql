ALTER TABLE "api_keys" ADD COLUMN "address_reach" text;--> statement-breakpoint
ALTER TABLE "api_keys" ADD COLUMN "expiry_reach" text;--> statement-breakpoint
ALTER TABLE "organizations" ADD COLUMN "suspended_by" text;--> statement-breakpoint
ALTER TABLE "service_accounts" ADD COLUMN "disabled_by" text;
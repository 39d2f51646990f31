CREATE TABLE "change_locks" (
	"name" text PRIMARY KEY NOT NULL
);
--> statement-breakpoint
INSERT INTO "change_locks" ("name") VALUES ('rights'), ('ring'), ('audit_head');
--> statement-breakpoint
COMMENT ON TABLE "service_state" IS 'code without migration 1795955257670 cannot use this schema';

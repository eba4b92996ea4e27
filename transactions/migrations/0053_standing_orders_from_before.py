from django.db import migrations

# Rows that were there before the register, as they stand now.
REGISTER = """
    INSERT INTO row_register (table_name, row_id, registered_at, digest)
    SELECT 'standing_orders', one."id"::text, one."created_at", sha256(convert_to(json_build_array(one."amount", one."created_at" AT TIME ZONE 'UTC', one."description", one."every", one."first_on", one."from_account_id", one."id", one."last_on", one."owner_id", one."reference", one."times", one."to_account_id")::text, 'UTF8'))
    FROM standing_orders AS one
    ON CONFLICT DO NOTHING;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("transactions", "0052_registered_standing_orders"),
    ]

    operations = [
        migrations.RunSQL(REGISTER, migrations.RunSQL.noop),
    ]

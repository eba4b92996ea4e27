from django.db import migrations

# Rows that were there before the register, as they stand now.
REGISTER = """
    INSERT INTO row_register (table_name, row_id, registered_at, digest)
    SELECT 'explorer_runs', one."id"::text, one."ran_at", sha256(convert_to(json_build_array(one."form", one."id", one."message", one."milliseconds", one."outcome", one."parameters", one."person_id", one."ran_at" AT TIME ZONE 'UTC', one."rows", one."scope", one."sql")::text, 'UTF8'))
    FROM explorer_runs AS one
    ON CONFLICT DO NOTHING;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("explorer", "0002_registered_runs"),
    ]

    operations = [
        migrations.RunSQL(REGISTER, migrations.RunSQL.noop),
    ]

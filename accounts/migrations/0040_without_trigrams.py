"""pg_trgm goes, which 0003 made where the server has it: the search compares words in Python. It
stays where another role made it, or where something uses it.
"""

from django.db import migrations

DROP = """
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_extension
               WHERE extname = 'pg_trgm' AND pg_get_userbyid(extowner) = current_user) THEN
        DROP EXTENSION pg_trgm;
    END IF;
EXCEPTION WHEN dependent_objects_still_exist OR insufficient_privilege THEN
    RAISE NOTICE 'pg_trgm stays: %', SQLERRM;
END
$$
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0039_access_tokens"),
    ]

    operations = [migrations.RunSQL(DROP, migrations.RunSQL.noop)]

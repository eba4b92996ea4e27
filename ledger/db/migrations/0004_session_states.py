"""What sessions of this database do, without what they run: for the page Database of the admin.

The web role sees nothing of the sessions of others in `pg_stat_activity`, and must not: their
statements have values in them. The function runs with the rights of its owner and leaves these out.
`transactions/rights.py` lets the web role execute it.
"""

from django.db import migrations

FUNCTION = """
CREATE FUNCTION session_states() RETURNS TABLE (
    pid integer, role name, application text, kind text, state text, is_hidden boolean,
    wait text, began_at timestamptz, asked_at timestamptz, changed_at timestamptz,
    xid_age integer, xmin_age integer, query_id bigint
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT pid, usename, application_name, backend_type, state,
        state IS NULL AND datname IS NOT NULL AND query = '<insufficient privilege>',
        wait_event_type || ': ' || wait_event, xact_start, query_start, state_change,
        age(backend_xid), age(backend_xmin), query_id
    FROM pg_stat_activity
    WHERE (datname = current_database() OR datname IS NULL) AND pid <> pg_backend_pid()
$$;
REVOKE ALL ON FUNCTION session_states() FROM PUBLIC;
"""


class Migration(migrations.Migration):
    dependencies = [("ledger_db", "0003_writer_mark")]
    operations = [
        migrations.AlterModelOptions(
            name="jobrecord",
            options={
                "default_permissions": (),
                "permissions": (("view_database_health", "Can view the health of the database"),),
            },
        ),
        migrations.RunSQL(sql=FUNCTION, reverse_sql="DROP FUNCTION session_states()"),
    ]

"""Creates the tables of the cache and of jobs, and the function that shows the states of
sessions.
"""

from django.db import migrations, models

# The table that `createcachetable` would create.
CACHE = """
CREATE TABLE cache (
    cache_key varchar(255) NOT NULL PRIMARY KEY,
    value text NOT NULL,
    expires timestamptz NOT NULL
);
CREATE INDEX cache_expires ON cache (expires);
"""
# The states of this database's sessions, for the admin page "Database". The web role must not see
# the sessions of other roles in `pg_stat_activity`, because their SQL statements contain values.
# This function runs with the rights of its owner and does not return the SQL statements.
SESSION_STATES = """
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
    dependencies = [("ledger_db", "0001_extensions")]

    operations = [
        migrations.RunSQL(CACHE, "DROP TABLE cache"),
        migrations.CreateModel(
            name="JobRecord",
            fields=[
                ("name", models.CharField(max_length=63, primary_key=True, serialize=False)),
                (
                    "began_at",
                    models.DateTimeField(db_comment="When the run that was done began", null=True),
                ),
                ("done_at", models.DateTimeField(db_comment="When it was last done", null=True)),
                ("failed_at", models.DateTimeField(db_comment="When it last failed", null=True)),
                (
                    "error",
                    models.CharField(
                        db_comment="The kind of the last failure, without its values",
                        default="",
                        max_length=200,
                    ),
                ),
                (
                    "claimed_by",
                    models.CharField(db_comment="Host and process", default="", max_length=100),
                ),
                (
                    "claim_ends",
                    models.DateTimeField(db_comment="Then another worker may claim it", null=True),
                ),
            ],
            options={
                "db_table": "job_records",
                "db_table_comment": "When each scheduled job was last done",
                "permissions": (("view_database_health", "Can view the health of the database"),),
                "default_permissions": (),
            },
        ),
        migrations.RunSQL(SESSION_STATES, "DROP FUNCTION session_states()"),
    ]

"""Creates a table with one row that identifies the writer: see Note [Writer's mark] in
ledger.db.replicas.writer.
"""

from django.db import migrations

WRITER_MARK = """
CREATE TABLE writer_mark (
    id smallint NOT NULL PRIMARY KEY CONSTRAINT writer_mark_is_one CHECK (id = 1),
    started_at timestamptz NOT NULL
);
INSERT INTO writer_mark VALUES (1, pg_postmaster_start_time());
"""


class Migration(migrations.Migration):
    dependencies = [("ledger_db", "0002_tables")]

    operations = [migrations.RunSQL(WRITER_MARK, "DROP TABLE writer_mark")]

"""docs/columns.md has the columns of the core's tables as the models and the database have them."""

import re
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection

from transactions.management.commands import write_columns

pytestmark = pytest.mark.django_db
ROW = re.compile(r"^\| `(\w+)` \| (.*?)( generated)? \| (null)? ?\|", re.MULTILINE)
COLUMNS = """
SELECT attname, atttypid, NOT attnotnull AND attgenerated = '', attgenerated <> ''
FROM pg_attribute
WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped"""


@pytest.mark.whole_code
def test_the_page_is_what_the_models_say() -> None:
    assert write_columns.FILE.read_text() == write_columns.page(), "run manage.py write_columns"


def test_the_command_writes_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write_columns, "FILE", tmp_path / "columns.md")
    call_command("write_columns", verbosity=0)
    assert (tmp_path / "columns.md").read_text() == write_columns.page()


@pytest.mark.parametrize("table", ["users", "accounts", "transactions"])
def test_each_column_of_the_database_is_there_with_its_type(table: str) -> None:
    text = write_columns.FILE.read_text()
    (chapter,) = re.findall(rf"^## {table}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    written = {}
    with connection.cursor() as cursor:
        for name, kind, generated, null in ROW.findall(chapter):
            cursor.execute("SELECT to_regtype(%s)::oid", [kind])
            ((oid,),) = cursor.fetchall()
            written[name] = (oid, bool(null), bool(generated))
        cursor.execute(COLUMNS, [table])
        assert written == {name: tuple(about) for name, *about in cursor.fetchall()}

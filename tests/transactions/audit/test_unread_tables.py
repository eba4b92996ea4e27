"""docs/audit.md lists each table that the audit does not read."""

import re
from typing import Any

import pytest
from django.db import connection

from ledger.db.rights.registered_tables import TABLES
from ledger.env import BASE_DIR
from transactions.audit.audit import audit

pytestmark = pytest.mark.django_db

LIST = re.compile(r"\*\*The audit does not read these tables.*\n\n((?:- .*\n(?:  .*\n)*)+)")
NAME = re.compile(r'\b(?:FROM|JOIN)\s+"?(\w+)')


def test_each_table_is_read_by_a_check_or_listed_in_the_docs() -> None:
    statements: list[str] = []

    def watch(execute: Any, sql: str, *rest: Any) -> Any:
        statements.append(sql)
        return execute(sql, *rest)

    with connection.execute_wrapper(watch):
        audit()
    read = {name for sql in statements for name in NAME.findall(sql)}
    (listed,) = LIST.findall((BASE_DIR / "docs" / "audit.md").read_text())
    assert set(re.findall(r"`(\w+)`", listed)) == set(TABLES) - read

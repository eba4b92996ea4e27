"""After a refused command line, one sentence says what to type instead."""

from pathlib import Path

import pytest
from django.conf import settings

from ledger.management.hints import hint_for
from tests.ledger.processes import manage


@pytest.mark.parametrize(
    ("line", "named"),
    [
        (["migrate", "app", "zero"], "accounts, explorer, transactions"),
        (["dumpdata", "polls.Choice"], "accounts, explorer, transactions"),
        (["loaddata", "initial_data.json"], "dumpdata -o bank.json"),
        (["dbshell", "-c", "SELECT 1"], "dbshell -- -c"),
        (["dbshell", "--database", "replica"], "DATABASE_REPLICA_URLS"),
        (["migrate", "--database=replica"], "docs/databases.md"),
        (["check", "polls"], "accounts, explorer, transactions"),
        (["shell_plus"], "make shell"),
    ],
)
def test_what_tutorials_type_is_answered(line: list[str], named: str) -> None:
    assert named in str(hint_for(line))


@pytest.mark.parametrize(
    "line",
    [
        ["migrate", "accounts", "zero"],
        ["migrate", "--plan"],
        ["migrate", "--database", "default"],
        ["dumpdata", "accounts.User"],
        ["dbshell", "--", "-c", "SELECT 1"],
        ["loaddata", str(settings.BASE_DIR / "manage.py")],
        ["nonsense"],
    ],
)
def test_a_line_that_fails_for_another_reason_gets_none(line: list[str]) -> None:
    assert hint_for(line) is None


def test_it_follows_the_message_of_django(tmp_path: Path) -> None:
    refused = manage(tmp_path, "showmigrations", "polls")
    assert refused.returncode
    assert "accounts, explorer, transactions" in refused.stderr.splitlines()[-1]
    check = manage(tmp_path, "check", "polls")
    assert "Traceback" not in check.stderr
    wrong = manage(tmp_path, "migrate", "--database=replica")
    assert wrong.returncode
    assert "DATABASE_REPLICA_URLS" in wrong.stderr.splitlines()[-1]

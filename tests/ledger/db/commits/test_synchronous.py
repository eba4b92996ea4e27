"""Which standbys a COMMIT waits for, and whether they are there."""

import pytest

from ledger.db.commits import synchronous
from ledger.db.commits.synchronous import (
    Confirmation,
    confirmation,
    names_in,
    problem_with_confirmation,
)
from tests.pooler import beside

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("setting", "needed", "names"),
    [
        ("", 0, set()),
        ("ledger_standby", 1, {"ledger_standby"}),
        ("a, B", 1, {"a", "b"}),
        ("*", 1, {"*"}),
        ("2 (a, b, c)", 2, {"a", "b", "c"}),
        ("FIRST 2 (a, b)", 2, {"a", "b"}),
        ("any 1 (a,\n b)", 1, {"a", "b"}),
        ('ANY 1 ("a, (b)", "c""d")', 1, {"a, (b)", 'c"d'}),
    ],
)
def test_the_setting_is_read_as_postgres_does(setting: str, needed: int, names: set[str]) -> None:
    assert names_in(setting) == (needed, names)


@pytest.mark.parametrize(
    ("setting", "waits", "there", "found"),
    [
        ("a", True, ["A"], (1, 1)),
        ("a", True, ["b", "pg_basebackup"], (1, 0)),
        ("*", True, ["b"], (1, 1)),
        ("ANY 1 (a, b)", True, ["b"], (1, 1)),
        ("FIRST 2 (a, b)", True, ["b"], (2, 1)),
        ("a", False, [], (0, 0)),
        ("", True, ["b"], (0, 0)),
    ],
)
def test_those_that_are_there_are_counted(
    monkeypatch: pytest.MonkeyPatch,
    setting: str, waits: bool, there: list[str], found: tuple[int, int],
) -> None:  # fmt: skip
    names = f"ARRAY[{', '.join(repr(name) for name in there)}]::text[]"
    monkeypatch.setattr(
        synchronous, "CONFIRMATION", f"SELECT '{setting}', {waits}, {names}, '7', 1.5"
    )
    with beside() as connection:
        assert confirmation(connection) == Confirmation(*found, "7", 1.5)
        assert bool(problem_with_confirmation(connection)) == (found[1] < found[0])


def test_a_server_without_standbys_waits_for_nobody() -> None:
    with beside() as connection:
        needed, connected, waiting, _ = confirmation(connection)
    assert (needed, connected, waiting) == (0, 0, None)

"""Saved queries and the history, by their services; and the SQL of the views."""

from typing import Any

import pytest
from django.utils import timezone

from accounts.exceptions import OwnerNotActive
from accounts.models import User
from accounts.sent_bytes import LEAST
from explorer import services
from explorer.models import LONGEST_SQL, QueryRun, SavedQuery
from explorer.schema.views import BANK, NAMES, ExplorerView, ViewColumn, _named
from ledger.db.ids import uuid7
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db
FACTS = ("title", "sql", "parameters", "is_shared")


@pytest.fixture
def ana() -> User:
    ana: User = UserFactory()
    return ana


def save(owner: User, title: str = "Rent", **more: Any) -> SavedQuery:
    return services.save_query(owner=owner, title=title, sql="SELECT 1", parameters={}, **more)


def stored(owner: User) -> list[tuple[Any, ...]]:
    return list(SavedQuery.objects.filter(owner=owner).order_by("pk").values_list("pk", *FACTS))


def test_a_query_is_saved_and_replaced_as_a_whole(ana: User) -> None:
    first, other = save(ana), save(ana, "Other")
    assert stored(ana) == [
        (first.pk, "Rent", "SELECT 1", {}, False),
        (other.pk, "Other", "SELECT 1", {}, False),
    ]
    before = timezone.now()
    replaced = services.save_query(
        owner=ana, title="New", sql="SELECT 2", parameters={"a": "1"}, is_shared=True,
        replaces=first.pk,
    )  # fmt: skip
    assert replaced == first
    assert stored(ana)[0] == (first.pk, "New", "SELECT 2", {"a": "1"}, True)
    assert stored(ana)[1][1] == "Other"
    first.refresh_from_db()
    assert first.created_at < before <= first.changed_at


def test_only_the_owner_replaces_and_deletes_a_query(ana: User) -> None:
    theirs = save(UserFactory())
    for pk in (theirs.pk, uuid7()):
        with pytest.raises(services.QueryNotFound):
            save(ana, "Mine", replaces=pk)
        with pytest.raises(services.QueryNotFound):
            services.delete_query(owner=ana, query=pk)
    assert list(SavedQuery.objects.values_list("pk", "title")) == [(theirs.pk, "Rent")]
    mine = save(ana)
    services.delete_query(owner=ana, query=mine.pk)
    assert list(SavedQuery.objects.values_list("pk", flat=True)) == [theirs.pk]


def test_a_person_saves_200_queries_and_replaces_one_all_the_same(ana: User) -> None:
    save(UserFactory())
    SavedQuery.objects.bulk_create(SavedQuery(owner=ana, title="Old", sql="") for _ in range(199))
    last = save(ana)
    with pytest.raises(services.TooManyQueries):
        save(ana)
    save(ana, "Again", replaces=last.pk)
    assert SavedQuery.objects.get(pk=last.pk).title == "Again"
    services.delete_query(owner=ana, query=last.pk)
    save(ana)
    assert len(stored(ana)) == 200


def test_nothing_is_saved_for_somebody_who_left(ana: User) -> None:
    User.objects.filter(pk=ana.pk).update(deleted_at=timezone.now())
    with pytest.raises(OwnerNotActive):
        save(ana)
    assert stored(ana) == []


def test_a_run_is_recorded_in_part_if_it_is_long_and_counts_its_bytes(
    ana: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = []
    monkeypatch.setattr(services, "count_stored", lambda *given: counted.append(given))
    details: dict[str, Any] = {
        "person": ana, "scope": "bank", "form": "page", "outcome": QueryRun.RunOutcome.ROWS,
    }  # fmt: skip
    services.record_run(sql="é", parameters={"ab": "cd"}, **details)
    services.record_run(
        sql="x" * (LONGEST_SQL + 1), parameters={}, message="y" * 301, rows=3, milliseconds=1.6,
        **details,
    )  # fmt: skip
    short, long = QueryRun.objects.order_by("pk").values(
        "person", "sql", "parameters", "scope", "form", "outcome", "message", "rows", "milliseconds"
    )
    same = {"person": ana.pk, "scope": "bank", "form": "page", "outcome": "rows"}
    assert short == {
        **same, "sql": "é", "parameters": {"ab": "cd"}, "message": "", "rows": 0, "milliseconds": 0,
    }  # fmt: skip
    assert long == {
        **same, "sql": "x" * LONGEST_SQL, "parameters": {}, "message": "y" * 300, "rows": 3,
        "milliseconds": 2,
    }  # fmt: skip
    assert counted == [(ana, LEAST + 6), (ana, LEAST + LONGEST_SQL + 300)]


def test_a_view_has_the_columns_of_its_table_or_their_sql() -> None:
    named = _named("name", "A name")
    assert named == ViewColumn("name", "A name", f"CASE WHEN {NAMES} THEN row.name ELSE NULL END")
    assert _named("name", "", "'x'").sql == f"CASE WHEN {NAMES} THEN row.name ELSE 'x' END"
    columns = (ViewColumn("id", "The id"), ViewColumn("email", "None", "NULL::text"))
    plain = ExplorerView("users", "People", columns)
    assert plain.sql == (
        "CREATE VIEW explorer.users WITH (security_barrier) AS\n"
        "SELECT\n  row.id AS id,\n  NULL::text AS email\n"
        f"FROM public.users AS row\nWHERE true AND {BANK}"
    )
    other = ExplorerView("users", "People", columns, source="(SELECT 1)", exists="row.id > 0")
    assert other.sql.endswith(f"FROM (SELECT 1) AS row\nWHERE row.id > 0 AND {BANK}")

"""The work behind a page is what Postgres really got."""

import pytest
from django.db import IntegrityError, OperationalError, connection
from django.db import transaction as db_transaction

from accounts.models import User
from ledger.db.queries.work import watched
from ledger.db.snapshot import snapshot
from ledger.templatetags.code import highlight, laid_out
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


def test_each_query_is_noted_with_its_values_in_order() -> None:
    with watched() as work:
        list(User.objects.filter(name="O'Hara"))
        User.objects.filter(name="b").exists()
    assert len(work.queries) == 2
    assert "'O''Hara'" in work.queries[0].sql
    assert all(query.seconds > 0 for query in work.queries)
    assert work.milliseconds == pytest.approx(sum(q.seconds for q in work.queries) * 1000)


def test_values_may_be_filled_in_later() -> None:
    with watched(texts_later=True) as work:
        list(User.objects.filter(name="O'Hara"))
        list(User.objects.filter(name="b"))
    assert [callable(query.text) for query in work.queries] == [True, True]
    assert "'O''Hara'" in work.queries[0].sql
    assert "'b'" in work.queries[1].sql


def test_what_postgres_refused_is_noted_too() -> None:
    UserFactory(email="ana@example.com")
    with watched() as work, pytest.raises(IntegrityError), db_transaction.atomic():
        User.objects.create(email="ana@example.com", name="Ana")
    assert [query.sql[:19] for query in work.queries] == ['INSERT INTO "users"']


def test_nothing_is_noted_once_the_block_is_left() -> None:
    with watched() as work:
        pass
    User.objects.exists()
    assert work.queries == []


def test_what_the_session_needs_is_not_the_pages_work() -> None:
    with watched() as work, snapshot(seconds=3):
        User.objects.exists()
    assert [query.sql[:6] for query in work.queries] == ["SELECT"]


def test_a_plan_is_the_plan_of_that_query_as_it_ran() -> None:
    UserFactory.create_batch(3)
    with watched() as work:
        assert len(User.objects.filter(name__gt="")) == 3
        work.explain()
    (query,) = work.queries
    assert "on users" in query.plan
    assert "actual" in query.plan
    assert "rows=3" in query.plan
    assert "Buffers" in query.plan


def test_a_query_that_writes_is_not_run_again_for_its_plan() -> None:
    with watched() as work:
        UserFactory()
        work.explain()
    assert User.objects.count() == 1
    assert [query.plan for query in work.queries if query.sql.startswith("INSERT")] == [""]


def test_a_query_that_takes_too_long_is_stopped() -> None:
    with pytest.raises(OperationalError, match="statement timeout"), snapshot(seconds=0.05):
        connection.cursor().execute("SELECT pg_sleep(5)")


def test_code_is_coloured_by_classes_and_escaped() -> None:
    said = highlight("SELECT '<script>'", "sql")
    assert '<span class="k">SELECT</span>' in said
    assert "<script>" not in said
    assert "&lt;script&gt;" in said
    assert "style=" not in said


def test_sql_is_laid_out_over_lines() -> None:
    assert laid_out("select a from b where c = 1").splitlines()[0] == "SELECT a"

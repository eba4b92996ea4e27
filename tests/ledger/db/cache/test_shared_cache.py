"""The cache in a table does what Django's caches do."""

from collections.abc import Callable
from datetime import timedelta

import psycopg
import pytest
from django.core.cache import cache
from django.db import OperationalError
from django.utils import timezone

from ledger.db.backend.limited import ServerHangs
from tests.ledger.cache_outage import cache_writes_fail

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def empty() -> None:
    cache.clear()


def test_values_are_set_read_and_deleted() -> None:
    cache.set_many({"one": 1, "two": {"a": timedelta(1)}})
    assert cache.get_many(["one", "two", "three"]) == {"one": 1, "two": {"a": timedelta(1)}}
    cache.delete("one")
    assert cache.get("one", "nothing") == "nothing"


def test_adding_keeps_a_living_value_and_replaces_one_that_has_expired() -> None:
    assert cache.add("key", "first", timeout=60)
    assert not cache.add("key", "second")
    assert cache.get("key") == "first"
    cache.set("key", "first", timeout=-1)
    assert cache.get("key") is None
    assert cache.add("key", "second")
    assert cache.get("key") == "second"


def test_touching_prolongs_what_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    cache.set("key", "value", timeout=60)
    assert cache.touch("key", timeout=None)
    assert not cache.touch("other")
    later = timezone.now() + timedelta(days=1000)
    monkeypatch.setattr(timezone, "now", lambda: later)
    assert cache.get("key") == "value"


def test_counting_adds_to_a_value() -> None:
    cache.set("count", 1)
    assert cache.incr("count") == 2
    assert cache.get("count") == 2


@pytest.mark.parametrize(
    "cause", [ServerHangs(), psycopg.errors.LockNotAvailable(), psycopg.errors.QueryCanceled()]
)
def test_adding_raises_what_the_database_says_because_false_would_mean_that_the_key_exists(
    cause: psycopg.Error,
) -> None:
    with cache_writes_fail(cause), pytest.raises(OperationalError):
        cache.add("key", "value")


@pytest.mark.parametrize(
    "write", [lambda: cache.set("key", "value"), lambda: cache.touch("key")], ids=["set", "touch"]
)
def test_other_writes_are_left_out_where_nothing_can_be_written(
    write: Callable[[], object],
) -> None:
    cache.set("key", "old")
    with cache_writes_fail(psycopg.errors.ReadOnlySqlTransaction()):
        assert not write()
    assert cache.get("key") == "old"

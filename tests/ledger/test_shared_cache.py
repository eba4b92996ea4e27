"""The cache in a table does what Django's caches do."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.utils import timezone

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

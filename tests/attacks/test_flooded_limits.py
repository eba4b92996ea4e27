"""A flood of requests from many addresses does not reset other clients' counts."""

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client

from ledger.db.cache.shared import MAX_ENTRIES
from tests.sign_in import sign_ins_by_one_code

pytestmark = pytest.mark.django_db
RESET = "/account/password/reset/"
OTHERS = """
    INSERT INTO cache (cache_key, value, expires)
    SELECT ':1:allauth:rl:allauth.account:reset_password:20/60/ip:ip:' || place, value, %s
    FROM (SELECT value FROM cache WHERE cache_key LIKE '%%:rl:%%' LIMIT 1) AS one,
         generate_series(2, %s) AS place
    ON CONFLICT DO NOTHING
"""


@pytest.fixture(autouse=True)
def empty() -> None:
    cache.clear()


def ask(address: str) -> int:
    form = {"email": "nobody@example.com"}
    return Client(REMOTE_ADDR=address).post(RESET, form).status_code


def keys() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT cache_key FROM cache")
        return [key for (key,) in cursor.fetchall()]


def flood(expires: str) -> None:
    """Inserts as many counts of other clients as the cache can store, in one statement."""
    with connection.cursor() as cursor:
        cursor.execute(OTHERS, [expires, MAX_ENTRIES + 2])


def test_a_client_that_is_limited_stays_so_whatever_others_send() -> None:
    assert {ask("1.1.1.1") for _ in range(20)} == {302}
    assert ask("1.1.1.1") == 429
    flood("tomorrow")
    assert ask("9.9.9.9") == 302  # the write that finds the cache full
    assert len(keys()) > MAX_ENTRIES
    assert ask("1.1.1.1") == 429


def test_counts_that_have_ended_leave_a_full_cache() -> None:
    assert ask("1.1.1.1") == 302
    flood("yesterday")
    assert ask("9.9.9.9") == 302
    assert len(keys()) == 2


def test_a_code_that_was_used_stays_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def others() -> None:
        flood("tomorrow")
        assert ask("9.9.9.9") == 302

    assert sign_ins_by_one_code(monkeypatch, after_each=others) == [True, False]


def test_results_of_reports_make_room_for_counts() -> None:
    assert ask("1.1.1.1") == 302
    cache.set("report:1", "rows", 3600)
    cache.add("jwt:1", "y", 3600)  # a token that is accepted once
    flood("tomorrow")
    assert ask("9.9.9.9") == 302
    assert cache.get("report:1") is None
    assert [key for key in keys() if ":rl:" not in key] == [cache.make_key("jwt:1")]

"""Uploads of one client hold up no upload of another."""

from types import SimpleNamespace
from typing import Any

import pytest

from ledger.server.long_bodies import LongBodies, client_of


def sent_by(client: Any) -> Any:
    return SimpleNamespace(client=client)


HERE, THERE = ("192.0.2.1", 4711), ("192.0.2.2", 4711)


def test_one_client_leaves_a_thread_to_others() -> None:
    bodies = LongBodies(8)
    first, second, other, last = (sent_by(each) for each in (HERE, HERE, THERE, THERE))
    assert [bodies.begin(each) for each in (first, second, other, last)] == [
        True, False, True, False,
    ]  # fmt: skip
    assert bodies.end(other) is last, "the second one of the first client still waits"
    assert bodies.end(first) is second
    assert bodies.end(last) is None
    assert bodies.end(second) is None
    assert not bodies.waiting


def test_with_few_threads_one_reads_long_bodies() -> None:
    bodies = LongBodies(4)
    assert [bodies.begin(sent_by(each)) for each in (HERE, THERE)] == [True, False]


def test_behind_a_proxy_all_clients_have_its_address(settings: Any) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    bodies = LongBodies(8)
    assert [bodies.begin(sent_by(HERE)) for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        (("2001:db8::1", 1, 0, 0), ("2001:db8::2", 1, 0, 0), True),
        (("2001:db8::1", 1, 0, 0), ("2001:db8:0:1::1", 1, 0, 0), False),
        (("::ffff:192.0.2.1", 1, 0, 0), HERE, True),
        (("fe80::1%eth0", 1, 0, 0), ("fe80::2%eth0", 1, 0, 0), True),
        ("", b"", True),
    ],
)
def test_a_client_is_an_address_or_a_network_of_ipv6(one: Any, other: Any, is_same: bool) -> None:
    assert (client_of(sent_by(one)) == client_of(sent_by(other))) is is_same

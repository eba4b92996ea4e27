"""Places and devices in words."""

import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import RequestFactory, override_settings

from accounts.models import User
from accounts.sign_in import devices, places

CHROME = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 "
    "(KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36"
)


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        (CHROME, "Chrome on a Mac"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0",
         "Firefox on Linux"),
        ("curl/8.5.0", "curl"),
        ("CALL 0800 EVIL Bot/2", devices.UNKNOWN),
        ("Mozilla/5.0 (X11; OpenBSD amd64; rv:131.0) Gecko/20100101 Firefox/131.0", "Firefox"),
        ("", devices.UNKNOWN),
        ("<script>alert(1)</script>" * 99, devices.UNKNOWN),
    ],
)  # fmt: skip
def test_a_device_is_named_in_words(agent: str, words: str) -> None:
    assert devices.words_for(RequestFactory(headers={"user-agent": agent}).get("/")) == words


def test_a_device_is_known_for_a_year_and_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    person, request, response = User(), RequestFactory().get("/"), HttpResponse()
    devices.remember(request, response, person)
    cookie = response.cookies[devices.cookie_name()]
    request.COOKIES[devices.cookie_name()] = cookie.value
    now = time.time()

    def known_after(seconds: int) -> bool:
        clock = SimpleNamespace(time=lambda: now + seconds)
        monkeypatch.setattr("django.core.signing.time", clock)
        return bool(devices.known_device(request, person))

    assert cookie["max-age"] == devices.YEAR
    assert known_after(devices.YEAR - 60)
    assert not known_after(devices.YEAR + 60)


def test_a_browser_knows_the_devices_of_few_people() -> None:
    people = [User(email=f"{n}@example.com") for n in range(devices.MAX_PEOPLE + 1)]
    request = RequestFactory().get("/")
    for person in people:
        response = HttpResponse()
        devices.remember(request, response, person)
        request.COOKIES[devices.cookie_name()] = response.cookies[devices.cookie_name()].value
    assert [bool(devices.known_device(request, person)) for person in people] == [
        False, *([True] * devices.MAX_PEOPLE),
    ]  # fmt: skip


@override_settings(LEDGER_HTTPS=True, SESSION_COOKIE_SECURE=True)
def test_over_https_only_this_host_sets_the_cookie() -> None:
    response = HttpResponse()
    devices.remember(RequestFactory().get("/"), response, User())
    cookie = response.cookies["__Host-device"]
    assert (cookie["secure"], cookie["path"], cookie["domain"]) == (True, "/", "")


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("127.0.0.1", "this computer"),
        ("::1", "this computer"),
        ("192.168.1.20", "a private network"),
        ("fe80::1", "a private network"),
        ("81.2.69.160", "an unknown place"),
        ("no address", "an unknown place"),
    ],
)
def test_a_place_is_never_guessed(address: str, words: str) -> None:
    assert places.place_of(address) == words


@pytest.fixture
def fresh_database() -> Iterator[None]:
    places._database.cache_clear()
    yield
    places._database.cache_clear()


@pytest.mark.usefixtures("fresh_database")
@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"city": {"names": {"en": "Lisbon"}}, "country": {"names": {"en": "Portugal"}}},
         "Lisbon, Portugal"),
        ({"country": {"names": {"en": "Portugal"}}}, "Portugal"),
        ({"continent": {"names": {"en": "Europe"}}}, "an unknown place"),
    ],
)  # fmt: skip
def test_a_database_of_places_names_the_town(
    tmp_path: Path, row: dict[str, Any], words: str
) -> None:
    file = tmp_path / "places.mmdb"
    file.write_bytes(database_of(row))
    with override_settings(LEDGER_PLACES=str(file)):
        assert places.place_of("81.2.69.160") == words
        assert places.place_of("2001:4860::8888") == "an unknown place"


def database_of(row: dict[str, Any]) -> bytes:
    """A database in MaxMind's format with this row for every IPv4 address."""
    nodes = 1
    tree = (nodes + 16).to_bytes(3, "big") * 2  # both sides of the one node lead to the row
    facts = {
        "node_count": number(nodes, UINT32),
        "record_size": number(24, UINT16),
        "ip_version": number(4, UINT16),
        "database_type": "Test",
        "languages": b"\x00\x04",  # no entries
        "binary_format_major_version": number(2, UINT16),
        "binary_format_minor_version": number(0, UINT16),
        "build_epoch": number(1, UINT64),
        "description": {},
    }
    return tree + bytes(16) + encoded(row) + b"\xab\xcd\xefMaxMind.com" + encoded(facts)


UINT16, UINT32, UINT64 = (5, 2), (6, 4), (9, 8)  # the type's number, its bytes


def number(value: int, kind: tuple[int, int]) -> bytes:
    """A number of this type; types above 7 stand in a byte of their own."""
    type_number, size = kind
    control = [type_number << 5 | size] if type_number < 8 else [size, type_number - 7]
    return bytes(control) + value.to_bytes(size, "big")


def encoded(value: dict[str, Any] | str | bytes) -> bytes:
    """Maps and texts in MaxMind's encoding; bytes are encoded already."""
    if isinstance(value, dict):
        parts = b"".join(encoded(key) + encoded(each) for key, each in value.items())
        return bytes([7 << 5 | len(value)]) + parts
    if isinstance(value, bytes):
        return value
    text = str(value).encode()
    if len(text) < 29:
        return bytes([2 << 5 | len(text)]) + text
    return bytes([2 << 5 | 29, len(text) - 29]) + text

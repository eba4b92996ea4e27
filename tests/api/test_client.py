"""The client of docs/api.md, and another one that is cut off at random, before a real server."""

import json
import random
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal
from itertools import islice
from typing import Any

import httpx
import pytest

from api.client import Ledger, Refused
from api.pages import SCHEMA
from tests.ledger.own_site import Site, accounts_of, own_site

LINES = 10_000
EVENT = 'retry: 100\n\nevent: posted\nid: 7\ndata: {"type":"posted"}\n\nid: 7\n\n'
CHANCE = random.Random()  # noqa: S311 - no secret


class CutOff(Exception):
    """The client ends the connection in the middle of its request."""


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with own_site(LEDGER_API_RATE="0") as found:
        yield found


@pytest.fixture
def token(site: Site) -> str:
    email = site.bank.manage("shell", "-v", "0", "-c", "print(User.objects.get().email)").strip()
    return site.bank.manage("create_token", email, "--scope", "read", "--scope", "pay").strip()


def test_every_address_of_the_client_is_in_the_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    paths = json.loads(SCHEMA.read_text())["paths"]
    called = []

    def once(_self: Ledger, method: str, path: str, *_: Any) -> str:
        called.append((method.lower(), path.partition("?")[0].replace("x-x", "{id}")))
        return EVENT if path.startswith("/api/v1/events") else '{"results": [], "next": null}'

    monkeypatch.setattr(Ledger, "_once", once)
    bank = Ledger("http://bank.example", "t")
    bank.accounts(), list(bank.entries("x-x")), list(bank.transactions()), bank.transaction("x-x")
    bank.pay(key="k", amount="1.00"), bank.pay_all([], key="k")
    list(bank.statements("x-x")), bank.saved_payees(), list(bank.standing_orders())
    assert next(bank.events(account="x-x")) == {"type": "posted", "id": "7"}
    assert len(called) == 10
    assert [each for each in called if each[0] not in paths.get(each[1], {})] == []


@pytest.mark.django_db
def test_the_client_reads_and_pays_once(site: Site, token: str) -> None:
    bank = Ledger(f"http://127.0.0.1:{site.port}", token)
    first, second, *_ = bank.accounts()
    payment = {"from_account": first["id"], "to_account": second["id"], "amount": "1.25"}
    rows = [bank.pay(key="one", **payment) for _ in range(2)]
    assert rows[0] == rows[1] == bank.transaction(rows[0]["id"])
    assert next(bank.entries(first["id"]))["transaction"] == rows[0]["id"]


@pytest.mark.django_db
def test_the_client_keeps_all_digits_of_metadata(site: Site, token: str) -> None:
    bank = Ledger(f"http://127.0.0.1:{site.port}", token)
    first, second, *_ = bank.accounts()
    digits = ("0.1234567890123456789", "9007199254740993.0", "1E-30", "-12.50", "7")
    metadata = {"numbers": [*map(Decimal, digits)], "text": '"1.5", 2.5', "count": 3}
    sides = {"from_account": first["id"], "to_account": second["id"]}
    row = bank.pay(key="digits", amount="1.25", metadata=metadata, **sides)
    assert row["metadata"] == metadata
    assert bank.transaction(row["id"]) == row
    with pytest.raises(TypeError):
        bank.pay(key="no number", amount="1.25", metadata={"n": Decimal("NaN")}, **sides)


@pytest.mark.django_db
def test_the_client_is_told_every_event_once_though_its_stream_is_cut(
    site: Site, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bank = Ledger(f"http://127.0.0.1:{site.port}", token)
    first, second, *_ = bank.accounts()
    payment = {"from_account": first["id"], "to_account": second["id"], "amount": "1.00"}
    monkeypatch.setattr("api.client.time.sleep", lambda _seconds: None)
    begin = bank._answer("GET", "/api/v1/events", last="").rpartition("id: ")[2].strip()
    paid = [bank.pay(key=f"event {number}", **payment)["id"] for number in range(5)]
    answered = Ledger._once

    def cut(self: Ledger, *arguments: Any) -> str:
        text = answered(self, *arguments)
        if CHANCE.random() < 1 / 3:
            raise ConnectionResetError
        return text

    monkeypatch.setattr(Ledger, "_once", cut)
    told, last = list[str](), begin
    while len(told) < len(paid):  # as a program that is started anew after each two events
        for event in islice(bank.events(last=last, account=first["id"]), 2):
            told.append(event["data"]["transaction"])
            last = event["id"]
            if len(told) == len(paid):
                break
    assert told == paid
    with pytest.raises(Refused) as refused:
        bank.pay(key="two", **{**payment, "amount": "0"})
    assert (refused.value.status, refused.value.type) == (422, "invalid-amount")


def sent(body: bytes, until: int) -> Iterator[bytes]:
    """The body in pieces, cut off after so many bytes."""
    for start in range(0, len(body), 4096):
        if start > until:
            raise CutOff
        yield body[start : start + 4096]


def attempt(site: Site, token: str, body: bytes, *, cut: str) -> list[dict[str, Any]]:
    """The lines of the answer, as far as they came."""
    headers = {
        "Authorization": f"Bearer {token}", "Idempotency-Key": "ten thousand",
        "Content-Type": "application/x-ndjson", "Content-Length": str(len(body)),
    }  # fmt: skip
    sends = CHANCE.randrange(len(body)) if cut == "sending" else len(body)
    reads = CHANCE.randrange(LINES) if cut == "reading" else LINES + 1
    lines: list[dict[str, Any]] = []
    address = f"http://127.0.0.1:{site.port}/api/v1/transactions/batch/?atomic=false"
    with (
        suppress(CutOff, httpx.TransportError),
        httpx.Client(timeout=120) as client,
        client.stream("POST", address, content=sent(body, sends), headers=headers) as answer,
    ):
        assert answer.status_code == 200, answer.read()
        for line in answer.iter_lines():
            lines.append(json.loads(line))
            if len(lines) > reads:
                break
    return lines


@pytest.mark.django_db
def test_ten_thousand_lines_are_booked_once_however_often_they_are_cut_off(
    site: Site, token: str
) -> None:
    (sender, _), (recipient, _), *_ = accounts_of(site.bank)
    before = len(site.bank.transfers())
    body = "\n".join(
        json.dumps({"from_account": sender, "to_account": recipient, "amount": "0.01"})
        for _ in range(LINES)
    ).encode()
    for cut in ("sending", "reading", "reading", "sending", "reading"):
        attempt(site, token, body, cut=cut)
    lines = attempt(site, token, body, cut="")
    assert lines[-1] == {"done": True, "status": 200, "booked": LINES, "refused": 0}
    assert len({line["id"] for line in lines[:-1]}) == LINES
    assert len(site.bank.transfers()) - before == LINES
    assert "clean" in site.bank.manage("audit_ledger")

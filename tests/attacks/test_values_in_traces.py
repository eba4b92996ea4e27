"""Traces contain no amount, name, address, account number, id, search word or secret."""

import json
from decimal import Decimal

import psycopg
import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.test import Client

from ledger.db.ids import uuid7
from ledger.tracing import spans
from tests.attacks.answers import ask
from tests.attacks.bank import AttackedBank
from tests.attacks.people import attempt_of, readers_of
from tests.attacks.planted import SECRETS, TOKEN
from tests.attacks.walk import addresses
from tests.factories import PASSWORD
from tests.ledger.tracing.recorded import Recorded
from tests.reviews import send
from transactions import services
from transactions.exceptions import InsufficientFunds

pytestmark = pytest.mark.django_db
WORD = "qzsearchedqz"
FIELDS = ("q", "name", "text", "note", "sql", "description", "reference", "reason", "login", "code")


def said(traced: Recorded) -> str:
    """Returns everything that would be sent."""
    return "\n".join(
        json.dumps([json.loads(span.to_json()), str(span.get_span_context())])
        for span in traced.spans
    )


def secrets_of(bank: AttackedBank) -> list[str]:
    """Returns the texts of each person that must not be in a trace, including the ids in paths."""
    found = [PASSWORD, WORD, "127.0.0.1", *SECRETS]
    for holder in bank.holders:
        found += holder.facts()
        found += [str(row.pk) for row in (holder.user, *holder.accounts, *holder.files)]
        found += [str(row.pk) for row in holder.transactions.values()]
        found += [str(account.balance) for account in holder.accounts]
    return found


def test_a_walk_through_every_page_leaves_no_value_in_the_traces(
    bank: AttackedBank, traced: Recorded
) -> None:
    readers, session_keys = readers_of(bank), list[str]()
    number = bank.ben.everyday.number
    for kind, client in readers.items():
        found = addresses(bank.eve if kind == "customer" else bank.ana)
        for address in found:
            ask(client, "GET", f"{address.url}?q={WORD}&token={TOKEN}")
        for url in {address.pattern.template: address.url for address in found}.values():
            fields = dict.fromkeys(FIELDS, WORD) | {"amount": "1234.56", "number": number}
            with attempt_of(client) as sender:
                ask(sender, "POST", url, fields)
        session_keys.append(str(client.session.session_key))
    assert len(traced.named("SELECT accounts")) > 100
    told = said(traced)
    secrets = [*secrets_of(bank), *session_keys, "1234.56"]
    assert [secret for secret in secrets if secret in told] == []


def test_paying_searching_and_signing_in_leaves_no_value_in_the_traces(
    bank: AttackedBank, traced: Recorded
) -> None:
    ana, client = bank.ana, Client()
    for password in (f"not {PASSWORD}", PASSWORD):
        client.post("/account/login/", {"login": ana.user.email, "password": password})
    client.post("/account/password/reset/", {"email": ana.user.email})
    client.get("/search/", {"q": f"{WORD} amount:>1234.56"}, headers={"user-agent": TOKEN})
    form = {
        "id": str(uuid7()), "from_account": str(ana.everyday.pk), "amount": "1234.56",
        "number": bank.ben.everyday.number, "description": WORD, "reference": WORD,
    }  # fmt: skip
    client.force_login(ana.user)
    assert send(client, form).status_code == 302
    send(client, {**form, "id": str(uuid7()), "amount": "987654.32"})  # refused
    call_command("expire_holds", verbosity=0)
    assert {"service transfer", "job expire_holds"} <= {span.name for span in traced.spans}
    told = said(traced)
    more = ("1234.56", "987654.32", str(client.session.session_key), form["id"])
    assert [secret for secret in (*secrets_of(bank), *more) if secret in told] == []


def test_values_that_stand_in_a_statement_itself_are_left_out(traced: Recorded) -> None:
    literal = psycopg.sql.SQL("SELECT {} || $tag${}$tag$ -- {}").format(
        psycopg.sql.Literal(f"it's \\ {TOKEN}"), psycopg.sql.SQL(TOKEN), psycopg.sql.SQL(WORD)
    )
    with spans.begin("test"), connection.cursor() as cursor:
        cursor.execute(literal)
        cursor.execute(f"SELECT E'a\\'{TOKEN}', 1234.56, 'b''{WORD}' /* {WORD} */")
        with pytest.raises(DatabaseError), transaction.atomic():
            cursor.execute(f"SELECT '{TOKEN}'::uuid")
    told = said(traced)
    # A shorter number may be a part of an id.
    assert [secret for secret in (TOKEN, WORD, "1234.56") if secret in told] == []
    assert [span.name for span in traced.spans if span.name == "SELECT"] == ["SELECT"] * 3


def test_the_message_of_an_error_is_left_out(bank: AttackedBank, traced: Recorded) -> None:
    with spans.begin("test"), pytest.raises(InsufficientFunds):
        services.withdraw(from_account=bank.ana.everyday, amount=Decimal("9876543.21"))
    told = said(traced)
    assert "InsufficientFunds" in told
    assert "9876543" not in told

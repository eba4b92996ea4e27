"""`expand=`: rows in place of their ids, by a fixed number of queries, with the reader's rights."""

from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from accounts.groups import OPERATIONS
from accounts.models import Account
from api.caller import Caller
from api.transactions.expansion import put_transactions
from tests.api.calls import ACCOUNTS, TRANSACTIONS, bearer, slug
from tests.conftest import colleague
from tests.factories import AccountFactory
from transactions import services
from transactions.models import Transaction

pytestmark = pytest.mark.django_db
EVERYTHING = "from_account,to_account,entries,captures,reverses"


@pytest.fixture
def paid(mine: Account, theirs: Account) -> Transaction:
    return services.transfer(
        from_account=mine, to_account=theirs, amount=Decimal("12.5"), description="Lunch"
    )


def one(client: Client, row: Transaction, expand: str, **headers: str) -> Any:
    return client.get(f"{TRANSACTIONS}{row.pk}/", {"expand": expand}, headers=headers)


def test_sides_are_named_as_on_the_receipt(
    ana: Client, mine: Account, theirs: Account, paid: Transaction
) -> None:
    data = one(ana, paid, "from_account,to_account").json()
    assert data["from_account"] == {
        "id": str(mine.pk), "number": mine.number, "name": "Everyday", "is_own": True,
    }  # fmt: skip
    assert data["to_account"] == {
        "id": str(theirs.pk), "number": theirs.number, "name": "Mara Lindt", "is_own": False,
    }  # fmt: skip
    assert "Rent income" not in str(data)
    assert "entries" not in data


def test_entries_have_the_balance_of_ones_own_account_alone(ana: Client, paid: Transaction) -> None:
    out, into = one(ana, paid, "entries").json()["entries"]
    assert (out["direction"], out["signed_amount"], out["balance"]) == ("debit", "-12.50", "987.50")
    assert (into["direction"], into["signed_amount"], into["balance"]) == ("credit", "12.50", None)


def test_a_side_outside_the_bank_is_null(ana: Client, mine: Account) -> None:
    deposit = Transaction.objects.get(to_account=mine)
    data = one(ana, deposit, EVERYTHING).json()
    assert data["from_account"] is None
    assert [entry["account"] for entry in data["entries"]] == [str(mine.pk)]
    assert (data["captures"], data["reverses"]) == (None, None)


def test_holds_captures_and_refunds(ana: Client, mine: Account, theirs: Account) -> None:
    hold = services.hold(from_account=mine, to_account=theirs, amount=Decimal(40))
    data = one(ana, hold, "from_account,entries").json()
    assert (data["from_account"]["name"], data["entries"]) == ("Everyday", [])
    captured = services.capture(hold=hold, amount=Decimal(30))
    refund = services.reverse(transaction=captured, amount=Decimal(5))
    assert one(ana, captured, "captures").json()["captures"]["amount"] == "40.00"
    assert one(ana, refund, "reverses").json()["reverses"]["id"] == str(captured.pk)
    plain = ana.get(f"{TRANSACTIONS}{refund.pk}/").json()
    assert plain["reverses"] == str(captured.pk)


def test_what_the_caller_may_not_read_stays_an_id(mine: Account, paid: Transaction) -> None:
    found: list[dict[str, Any]] = [{"captures": str(paid.pk)}]
    put_transactions(found, ["captures"], Caller(AccountFactory().user))
    assert found == [{"captures": str(paid.pk)}]
    put_transactions(found, ["captures"], Caller(mine.user))
    assert found[0]["captures"]["amount"] == "12.50"


def test_the_entries_of_a_statement_with_their_transactions(
    ana: Client, mine: Account, paid: Transaction
) -> None:
    address = f"{ACCOUNTS}{mine.pk}/entries/"
    newest = ana.get(address, {"expand": "transaction"}).json()["results"][0]
    assert newest["transaction"] == ana.get(f"{TRANSACTIONS}{paid.pk}/").json()
    assert ana.get(address).json()["results"][0]["transaction"] == str(paid.pk)


@pytest.mark.parametrize(
    ("path", "expand", "usual", "more"),
    [
        (TRANSACTIONS, EVERYTHING, 4, 1),
        (TRANSACTIONS, "from_account,to_account,entries", 4, 0),
        ("entries", "transaction,captures,reverses", 4, 1),
    ],
)
def test_many_rows_take_as_many_queries_as_few(
    ana: Client, mine: Account, theirs: Account, django_assert_num_queries: Any,
    path: str, expand: str, usual: int, more: int,
) -> None:  # fmt: skip
    for _ in range(3):
        held = services.hold(from_account=mine, to_account=theirs, amount=Decimal(2))
        services.reverse(transaction=services.capture(hold=held))
    address = path if path != "entries" else f"{ACCOUNTS}{mine.pk}/entries/"
    ana.get(address)
    with django_assert_num_queries(usual):
        ana.get(address)
    for limit in ("2", "50"):
        with django_assert_num_queries(usual + more):
            assert ana.get(address, {"expand": expand, "limit": limit}).status_code == 200


@pytest.mark.parametrize("expand", ["user", "from_account,balance", ",", "From_account", "*"])
def test_an_unknown_name_is_refused_with_those_that_there_are(
    ana: Client, mine: Account, paid: Transaction, expand: str
) -> None:
    for address in (TRANSACTIONS, f"{TRANSACTIONS}{paid.pk}/", f"{ACCOUNTS}{mine.pk}/entries/"):
        answer = ana.get(address, {"expand": expand})
        assert (answer.status_code, slug(answer)) == (400, "invalid-request")
        (error,) = answer.json()["errors"]
        assert error["field"] == "expand"
        assert "captures, reverses" in error["detail"]


def test_fields_picks_after_expand(ana: Client, paid: Transaction) -> None:
    query = {"expand": "entries,to_account", "fields": "id,entries"}
    assert set(ana.get(f"{TRANSACTIONS}{paid.pk}/", query).json()) == {"id", "entries"}


def test_the_etag_is_that_of_the_expanded_answer(
    ana: Client, mine: Account, paid: Transaction
) -> None:
    plain = ana.get(f"{TRANSACTIONS}{paid.pk}/").headers["ETag"]
    first = one(ana, paid, "from_account")
    assert first.headers["ETag"] != plain
    again = one(ana, paid, "from_account", **{"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304
    Account.objects.filter(pk=mine.pk).update(name="Household")
    renamed = one(ana, paid, "from_account", **{"If-None-Match": first.headers["ETag"]})
    assert renamed.json()["from_account"]["name"] == "Household"


def test_a_stranger_reads_nothing(client: Client, paid: Transaction) -> None:
    client.force_login(AccountFactory().user)
    assert one(client, paid, EVERYTHING).status_code == 404


def test_staff_without_contact_details_read_no_payment(
    client: Client, mine: Account, paid: Transaction
) -> None:
    clerk = colleague(OPERATIONS, "Clerk")
    header = bearer(clerk, "read", "staff")
    whole = Permission.objects.get(codename="view_contact_details")
    assert clerk.has_perm("accounts.view_contact_details")
    seen = one(client, paid, "from_account,entries", **header).json()
    assert seen["from_account"]["number"] == mine.number
    assert seen["from_account"]["name"] == "Ana Ferreira"
    assert [entry["balance"] for entry in seen["entries"]] == [None, None]
    for group in clerk.groups.all():
        group.permissions.remove(whole)
    for expand in ("", "from_account"):
        assert one(client, paid, expand, **header).status_code == 404


def test_staff_without_names_read_no_text_that_people_wrote(
    client: Client, mine: Account, theirs: Account
) -> None:
    clerk = colleague(OPERATIONS, "Clerk")
    written: Any = {
        "description": "For Ana Ferreira",
        "reference": "Ana",
        "metadata": {"who": "Ana"},
    }
    hold = services.hold(from_account=mine, to_account=theirs, amount=Decimal(5), **written)
    paid = services.capture(hold=hold)
    header = bearer(clerk, "read", "staff")
    for group in clerk.groups.all():
        group.permissions.remove(Permission.objects.get(codename="view_user"))
    for expand in ("", "from_account,to_account,entries,captures"):
        answer = one(client, paid, expand, **header)
        assert "Ana" not in answer.content.decode()
        assert [answer.json()[name] for name in written] == [None] * 3
    sides = [answer.json()[name] for name in ("from_account", "to_account")]
    assert [side["name"][-4:] for side in sides] == [mine.number[-4:], theirs.number[-4:]]
    own = services.transfer(
        from_account=AccountFactory(user=clerk, balance="9"), to_account=mine, amount=Decimal(1),
        description="Mine",
    )  # fmt: skip
    assert one(client, own, "", **header).json()["description"] == "Mine"

"""A payment that names its payer is booked from an account of this person alone."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Account
from ledger.db.ids import uuid7
from tests.factories import AccountFactory
from transactions import services
from transactions.exceptions import AccountNotFound, InsufficientFunds
from transactions.models import Transaction
from transactions.posting import single_statement
from transactions.services import Draft

pytestmark = pytest.mark.django_db


@pytest.fixture
def sides() -> tuple[Account, Account]:
    return AccountFactory(balance="100"), AccountFactory(balance="5")


def paid(sender: Account, recipient: Account, payer: Account, **facts: Any) -> services.Booked:
    amount = facts.pop("amount", Decimal(30))
    draft = Draft(from_account=sender.pk, to_account=recipient.pk, amount=amount, **facts)
    return services.book_once(draft, payer=payer.user_id)


def test_ones_own_account_pays_in_one_statement(sides: tuple[Account, Account]) -> None:
    sender, recipient = sides
    before = single_statement.paths[single_statement.ONE_STATEMENT]
    with CaptureQueriesContext(connection) as queries:
        booked = paid(sender, recipient, sender)
    assert booked.row.from_balance == 70
    assert single_statement.paths[single_statement.ONE_STATEMENT] == before + 1
    assert len([each for each in queries if "SAVEPOINT" not in each["sql"]]) == 1


@pytest.mark.parametrize("step_by_step", [False, True])
def test_the_account_of_another_person_pays_nothing(
    sides: tuple[Account, Account], monkeypatch: pytest.MonkeyPatch, step_by_step: bool
) -> None:
    sender, recipient = sides
    if step_by_step:
        monkeypatch.setattr(single_statement, "suits", lambda _item: False)
    with pytest.raises(AccountNotFound, match="payer"):
        paid(sender, recipient, recipient)
    assert not Transaction.objects.filter(from_account=sender).exists()


def test_a_refusal_tells_nothing_of_the_account_of_another_person(
    sides: tuple[Account, Account],
) -> None:
    sender, recipient = sides
    for amount in (Decimal(30), Decimal(3000), Decimal("0.001"), Decimal(0)):
        with pytest.raises(Exception) as refused:  # noqa: PT011 - compared below
            paid(sender, recipient, recipient, amount=amount)
        assert not isinstance(refused.value, InsufficientFunds)


def test_what_another_person_has_paid_is_not_repeated(sides: tuple[Account, Account]) -> None:
    sender, recipient = sides
    id = uuid7()
    paid(sender, recipient, sender, id=id)
    assert paid(sender, recipient, sender, id=id).is_repeated
    with pytest.raises(AccountNotFound):
        paid(sender, recipient, recipient, id=id)


def test_a_deposit_has_no_payer(sides: tuple[Account, Account]) -> None:
    draft = Draft(to_account=sides[0].pk, amount=Decimal(1))
    with pytest.raises(AccountNotFound):
        services.book_once(draft, payer=sides[0].user_id)

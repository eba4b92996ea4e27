"""A payment that was counted against the limit of its person's day when it was booked is not
counted again when it is found: who hears a refusal of it would send it once more.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from accounts.models import Account
from ledger.db.backend.cursors import PreparedCursor
from ledger.db.ids import uuid7
from ledger.db.retry import OutcomeUnknown
from tests.factories import AccountFactory, balances
from tests.transactions.posting.shared import at_once, lose_next_answer
from transactions import services
from transactions.models import Transaction
from transactions.posting import engine
from transactions.safeguards import confirmation
from transactions.safeguards.confirmation import ConfirmationNeeded
from transactions.services import DayLimit, Draft

pytestmark = pytest.mark.django_db(transaction=True)
AMOUNT = Decimal(60)


@pytest.fixture(autouse=True)
def limit_of_100(settings: Any) -> None:
    settings.LEDGER_STEP_UP_OVER = {"*": Decimal(100)}


@pytest.fixture
def ana() -> Account:
    account: Account = AccountFactory(balance="1000")
    return account


@pytest.fixture
def pay(ana: Account) -> Callable[..., Transaction]:
    """Pays Ben, whom she has paid before, without a step-up."""
    ben = AccountFactory()
    paid: dict[str, Any] = {"from_account": ana, "to_account": ben, "created_by": ana.user}
    services.transfer(amount=Decimal(1), **paid)

    def pay(id: Any) -> Transaction:
        draft = Draft(amount=AMOUNT, id=id, **paid)
        return confirmation.book(draft, ana.user, covered_until=None)

    return pay


@pytest.fixture
def pay_elsewhere(ana: Account) -> Callable[[], object]:
    """Pays as much on another connection, as after a step-up in another browser."""
    to = AccountFactory()

    def pay() -> None:
        services.transfer(from_account=ana, to_account=to, amount=AMOUNT, created_by=ana.user)

    return lambda: at_once(pay)


def test_it_is_found_after_its_statement_lost_its_answer(
    ana: Account,
    pay: Callable[..., Transaction],
    pay_elsewhere: Callable[[], object],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    execute, lost = PreparedCursor.execute, list[bool]()

    def lose_the_first(self: Any, *arguments: Any, **options: Any) -> Any:
        done = execute(self, *arguments, **options)
        if not lost:
            lost.append(True)
            pay_elsewhere()
            raise psycopg.OperationalError("server closed the connection unexpectedly")
        return done

    id = uuid7()
    monkeypatch.setattr(PreparedCursor, "execute", lose_the_first)
    assert pay(id).pk == id
    assert lost
    assert balances(ana) == [1000 - 1 - 60 - 60]


@pytest.mark.usefixtures("step_by_step")
def test_it_is_found_after_its_commit_lost_its_answer(
    ana: Account, pay: Callable[..., Transaction], monkeypatch: pytest.MonkeyPatch
) -> None:
    count, counted = DayLimit.paid_before, list[Decimal]()

    def more_each_time(limit: DayLimit) -> Decimal:
        counted.append(count(limit) + AMOUNT * len(counted))
        return counted[-1]

    id = uuid7()
    monkeypatch.setattr(DayLimit, "paid_before", more_each_time)
    lost = lose_next_answer(monkeypatch)
    assert pay(id).pk == id
    assert lost
    assert balances(ana) == [1000 - 1 - 60]


def test_it_is_found_by_a_later_call(
    ana: Account, pay: Callable[..., Transaction], pay_elsewhere: Callable[[], object]
) -> None:
    """As in another process, which knows of no lost answer."""
    id = uuid7()
    pay(id)
    pay_elsewhere()
    assert pay(id).pk == id
    with pytest.raises(ConfirmationNeeded):
        pay(uuid7())
    assert balances(ana) == [1000 - 1 - 60 - 60]


@pytest.mark.usefixtures("step_by_step")
def test_what_was_found_and_then_lost_by_a_failover_is_counted_again(
    ana: Account,
    pay: Callable[..., Transaction],
    pay_elsewhere: Callable[[], object],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    post_one, tries = engine.post_one, list[bool]()

    def find_and_lose(item: Any) -> Any:
        if tries:
            return post_one(item)
        tries.append(True)
        item.was_posted = True
        raise OutcomeUnknown("the server has gone")

    pay_elsewhere()
    monkeypatch.setattr(engine, "post_one", find_and_lose)
    with pytest.raises(ConfirmationNeeded):
        pay(uuid7())
    assert balances(ana) == [1000 - 1 - 60]

"""The events of an account are numbered without gaps, also while others count up the same stream:
the release of a hold locks only the account that pays.
"""

from collections.abc import Callable
from decimal import Decimal

import psycopg
import pytest
from django.db import connection

from accounts import services as account_services
from accounts.models import Account
from banking.events.models import EventStream
from tests.attacks.waiting import after_waiting_for
from tests.banking.events.shared import events_of, listening_account
from tests.factories import AccountFactory, hold_that_ended
from transactions import services
from transactions.models import Transaction
from transactions.posting import engine

pytestmark = pytest.mark.django_db(transaction=True)

ONE = Decimal(1)
RELEASES: dict[str, Callable[[Transaction], object]] = {
    "void": lambda hold: services.void(hold=hold),
    "expire_holds": lambda _hold: services.expire_holds(),
}


def payment_to(payee: Account, *, lines: int = 1) -> Callable[[], object]:
    """A batch, to be posted within a database transaction that is open."""
    payer = AccountFactory(balance="100")
    drafts = [services.Draft(from_account=payer, to_account=payee, amount=ONE)] * lines
    return lambda: engine.post([engine.prepare(draft) for draft in drafts])


def released(hold: Transaction) -> Callable[[], object]:
    """A release within a database transaction that is open."""
    return lambda: engine.release(hold, explain=lambda _row: None)


def kinds_of(account: Account) -> list[str]:
    """Its events, after another payment. Asserts that their numbers have no gap."""
    services.deposit(to_account=account, amount=ONE)
    events = events_of(account)
    last = EventStream.objects.get(account=account).last_number
    assert [event.number for event in events] == list(range(1, last + 1))
    return [event.kind for event in events]


@pytest.mark.parametrize("account_of_payer", [listening_account, AccountFactory])
@pytest.mark.parametrize("release", RELEASES)
def test_a_release_counts_on_from_payments_to_its_recipient(
    release: str, account_of_payer: Callable[..., Account]
) -> None:
    payer, payee = account_of_payer(balance="10"), listening_account()
    hold = hold_that_ended(payer, ONE, to_account=payee)
    after_waiting_for(payment_to(payee, lines=3), lambda: RELEASES[release](hold))
    assert kinds_of(payee) == ["held", *["posted"] * 3, "voided", "posted"]


@pytest.mark.parametrize("lines", [1, 150])
def test_payments_count_on_from_a_release_to_their_recipient(lines: int) -> None:
    payer, payee = listening_account(balance="10"), listening_account()
    hold = hold_that_ended(payer, ONE, to_account=payee)
    other = AccountFactory(balance="1000")
    drafts = [services.Draft(from_account=other, to_account=payee, amount=ONE)] * lines
    after_waiting_for(released(hold), lambda: services.post_batch(drafts))
    assert kinds_of(payee) == ["held", "voided", *["posted"] * lines, "posted"]


def test_a_change_of_status_counts_on_from_a_release() -> None:
    payer, payee = listening_account(balance="10"), listening_account()
    hold = hold_that_ended(payer, ONE, to_account=payee)
    after_waiting_for(released(hold), lambda: account_services.freeze_account(account=payee))
    assert kinds_of(payee) == ["held", "voided", "account.frozen", "posted"]


def test_the_worker_waits_for_a_stream_while_it_has_locked_no_other() -> None:
    """Otherwise a batch of several statements that pays both recipients would be a deadlock."""
    payer = AccountFactory(balance="10")
    payees = [listening_account() for _ in range(3)]
    for payee in payees:
        hold_that_ended(payer, ONE, to_account=payee)

    def other_streams_are_free() -> None:
        with psycopg.connect(**connection.get_connection_params()) as other:
            other.execute(
                "SELECT FROM event_streams WHERE account_id <> %s FOR NO KEY UPDATE NOWAIT",
                [payees[1].pk],
            )

    after_waiting_for(
        payment_to(payees[1]), services.expire_holds, meanwhile=other_streams_are_free
    )
    for payee in payees:
        assert kinds_of(payee).count("voided") == 1

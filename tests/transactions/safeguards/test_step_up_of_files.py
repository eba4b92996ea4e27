"""A payment file needs the step-up if its single payments would need it, however the file is
paid.
"""

import threading
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.db import transaction as db_transaction
from django.test import Client
from django.utils import timezone

from accounts.models import Account
from banking.payment_files.confirming import (
    limit_unconfirmed,
)
from banking.payment_files.models import PaymentFile
from tests.banking.payment_files.files import checked, pay
from tests.factories import AccountFactory, balances
from tests.pages import text_of
from tests.reviews import send
from tests.transactions.safeguards.asking import PASSWORD, form_for, is_asked, is_paid
from transactions import services
from transactions.safeguards import confirmation
from transactions.services import Draft

pytestmark = pytest.mark.django_db(transaction=True)


def press(client: Client, file: PaymentFile, step: str = "whole", **options: Any) -> Any:
    page = client.get(f"/transfers/files/{file.pk}/")
    fields = {name: page.context[name] for name in ("agreed", "reviewed")}
    return client.post(f"/transfers/files/{file.pk}/", {**fields, "step": step}, **options)


@pytest.mark.parametrize("step", ["whole", "pay"])
def test_a_file_with_a_new_recipient_is_asked(
    ana: Client, mine: Account, theirs: Account, known: Account, step: str
) -> None:
    file = checked(mine, pay(known, 1), pay(theirs, 1))
    asked = press(ana, file, step)
    assert is_asked(asked)
    assert "for the first time" in text_of(ana.get(asked["Location"]))
    back = ana.post(asked["Location"], {"password": PASSWORD})
    assert back["Location"] == f"/transfers/files/{file.pk}/"
    assert balances(theirs) == [0]
    press(ana, file, step)
    assert balances(theirs) == [1]


def test_a_proof_of_yesterday_does_not_lift_the_limit_of_today(
    mine: Account, known: Account
) -> None:
    yesterday = timezone.now() - timedelta(days=1)

    def pay_known(amount: int) -> None:
        draft = Draft(
            from_account=mine, to_account=known, amount=Decimal(amount), created_by=mine.user
        )
        confirmation.book(draft, mine.user, covered_until=yesterday)

    pay_known(900)
    with pytest.raises(confirmation.ConfirmationNeeded):
        pay_known(200)
    assert balances(known) == [901]


def test_what_was_paid_while_a_proof_counted_does_not_count_against_the_limit(
    mine: Account, known: Account
) -> None:
    for amount, minutes in ((900, 1), (200, 0)):
        draft = Draft(
            from_account=mine, to_account=known, amount=Decimal(amount), created_by=mine.user
        )
        until = timezone.now() + timedelta(minutes=minutes)
        confirmation.book(draft, mine.user, covered_until=until)
    assert balances(known) == [1101]


def test_files_paid_at_one_moment_wait_for_each_other(mine: Account, known: Account) -> None:
    within = limit_unconfirmed(checked(mine, pay(known, 600)), mine.user, covered_until=None)
    assert within is not None
    found = []

    def sum_up_too() -> None:
        try:
            with db_transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '10ms'")
                confirmation.limit_today(mine.user.pk, mine.currency, None).paid_before()
        except OperationalError as error:
            found.append(type(error.__cause__).__name__)
        finally:
            connection.close()

    with db_transaction.atomic():
        within.limit.paid_before()
        other = threading.Thread(target=sum_up_too)
        other.start()
        other.join()
    assert found == ["LockNotAvailable"]


def test_a_payment_booked_while_a_file_is_paid_counts_with_its_lines(
    mine: Account, known: Account
) -> None:
    file = checked(mine, pay(known, 600))
    within = limit_unconfirmed(file, mine.user, covered_until=None)
    assert within is not None

    def refuse() -> None:
        within.limit.refuse_over(within.limit.paid_before(), [], within.to_come())

    refuse()
    services.transfer(
        from_account=mine, to_account=known, amount=Decimal(401), created_by=mine.user
    )
    with pytest.raises(confirmation.ConfirmationNeeded):
        refuse()


def test_a_file_over_the_limit_is_asked_also_in_parts(
    ana: Client, mine: Account, known: Account
) -> None:
    assert is_asked(press(ana, checked(mine, pay(known, 600), pay(known, 401))))
    press(ana, checked(mine, pay(known, 600)), "pay")
    assert balances(known) == [601]
    assert is_asked(press(ana, checked(mine, pay(known, 401)), "pay"))
    assert is_asked(send(ana, form_for(mine, known, "401")))
    assert is_paid(send(ana, form_for(mine, known, "400")))


def test_htmx_is_led_to_the_step_up_too(ana: Client, mine: Account, theirs: Account) -> None:
    answer = press(ana, checked(mine, pay(theirs, 1)), "pay", headers={"HX-Request": "true"})
    assert "reauthenticate" in answer.headers["HX-Redirect"]


def test_a_file_between_ones_own_accounts_is_not_asked(ana: Client, mine: Account) -> None:
    savings = AccountFactory(user=mine.user, name="Savings")
    press(ana, checked(mine, pay(savings, 5000)))
    assert balances(savings) == [5000]

"""An open session without a step-up pays no new recipient and no large amount. The tests try every
way around the step-up.
"""

import threading
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from accounts.models import Account
from banking.payment_files.confirming import (
    NEW_RECIPIENTS,
    why_confirm_file,
)
from tests.banking.payment_files.files import checked, pay
from tests.factories import AccountFactory, UserFactory, balances
from tests.pages import text_of
from tests.reviews import TRANSFER, reviewed, send, token_of
from tests.security_events import security_events
from tests.sign_in import add_app, let_pass, prove, prove_factor
from tests.transactions.safeguards.asking import (
    PASSWORD,
    Form,
    form_for,
    is_asked,
    is_paid,
    paid_by_page,
)
from transactions import services, staff_services
from transactions.models import StaffReason
from transactions.posting import single_statement
from transactions.posting.single_statement import ONE_STATEMENT
from transactions.safeguards.recipients import shown_name

pytestmark = pytest.mark.django_db


# --- payments that need a step-up ----------------------------------------------------------------


def test_a_first_payment_is_asked_for_a_step_up_and_the_next_is_not(
    ana: Client, mine: Account, theirs: Account
) -> None:
    form = form_for(mine, theirs)
    assert is_asked(send(ana, form))
    assert balances(theirs) == [0]
    prove(ana, mine.user)
    assert is_paid(send(ana, form))
    let_pass(ana, minutes=6)
    assert is_paid(send(ana, form_for(mine, theirs)))


def refunded(mine: Account, stranger: Account) -> None:
    """Makes the stranger pay Ana 1 unit. Staff then refund the payment."""
    stray = services.transfer(
        from_account=stranger, to_account=mine, amount=Decimal(1), created_by=stranger.user
    )
    back = services.Draft(from_account=mine, to_account=stranger, amount=1, reverses=stray.pk)
    clerk = UserFactory(is_staff=True)
    action, reason = StaffReason.Action.REFUND, "Sent by mistake"
    staff_services.book(back, action=action, reason=reason, message="", written_by=clerk)


def test_a_refund_by_staff_does_not_make_a_stranger_known(ana: Client, mine: Account) -> None:
    stranger = AccountFactory(balance="10", user__name="Eve Stone")
    refunded(mine, stranger)
    assert is_asked(send(ana, form_for(mine, stranger)))
    file = checked(mine, pay(stranger, 5, "Eve Stone"))
    assert why_confirm_file(file, mine.user, covered_until=None) == NEW_RECIPIENTS
    assert shown_name(mine.user, stranger) == "Eve Stone"  # known, because money was booked


def test_what_staff_transfer_or_capture_does_not_make_a_stranger_known(
    ana: Client, mine: Account, theirs: Account
) -> None:
    clerk = UserFactory(is_staff=True)
    services.transfer(from_account=mine, to_account=theirs, amount=Decimal(1), created_by=clerk)
    hold = services.hold(from_account=mine, to_account=theirs, amount=Decimal(1))
    services.capture(hold=hold)
    assert is_asked(send(ana, form_for(mine, theirs)))
    services.transfer(from_account=mine, to_account=theirs, amount=Decimal(1), created_by=mine.user)
    assert is_paid(send(ana, form_for(mine, theirs)))


def test_signing_in_counts_for_some_minutes_only(
    client: Client, mine: Account, theirs: Account, settings: Any
) -> None:
    client.force_login(mine.user)
    let_pass(client, minutes=4.9)
    assert is_paid(send(client, form_for(mine, theirs)))
    settings.LEDGER_STEP_UP_MINUTES = 1
    assert is_asked(send(client, form_for(mine, AccountFactory())))


def test_a_step_up_from_the_future_counts_for_nothing(
    ana: Client, mine: Account, theirs: Account
) -> None:
    prove(ana, mine.user)
    let_pass(ana, minutes=-60)
    assert is_asked(send(ana, form_for(mine, theirs)))


@pytest.mark.parametrize(("amount", "is_over"), [("1000.00", False), ("1000.01", True)])
def test_a_payment_over_the_limit_is_asked(
    ana: Client, mine: Account, known: Account, amount: str, is_over: bool
) -> None:
    assert is_asked(send(ana, form_for(mine, known, amount))) == is_over


def test_each_currency_has_its_own_limit(ana: Client, mine: Account) -> None:
    yen, shop = (
        AccountFactory(currency="JPY", balance="900000", user=user)
        for user in (mine.user, UserFactory())
    )
    services.transfer(from_account=yen, to_account=shop, amount=Decimal(1))
    assert is_paid(send(ana, form_for(yen, shop, "150000")))
    assert is_asked(send(ana, form_for(yen, shop, "1")))


def test_splitting_over_payments_accounts_and_recipients_does_not_evade_the_limit(
    ana: Client, mine: Account, known: Account
) -> None:
    other: Account = AccountFactory(user=mine.user, balance="5000")
    shop: Account = AccountFactory()
    services.transfer(from_account=other, to_account=shop, amount=Decimal(1))
    assert is_paid(send(ana, form_for(mine, known, "600")))
    assert is_paid(send(ana, form_for(other, shop, "400")))
    assert is_asked(send(ana, form_for(mine, known, "0.01")))
    assert is_asked(send(ana, form_for(other, shop, "0.01")))
    prove(ana, mine.user)
    assert is_paid(send(ana, form_for(mine, known, "2000")))
    let_pass(ana, minutes=6)
    # Payments made while the confirmation was valid do not count again. Only the session became
    # older.
    assert is_asked(send(ana, form_for(mine, known, "1")))


def test_moving_money_between_ones_own_accounts_is_never_asked(ana: Client, mine: Account) -> None:
    savings = AccountFactory(user=mine.user, name="Savings")
    assert is_paid(send(ana, form_for(mine, savings, "5000")))
    assert is_paid(send(ana, form_for(mine, savings, "2000")))


@pytest.mark.parametrize("way", ["held", "paid by them", "deposited", "paid by another"])
def test_nothing_but_a_payment_of_ones_own_makes_a_recipient_known(
    ana: Client, mine: Account, theirs: Account, way: str
) -> None:
    one = Decimal(1)
    if way == "held":
        services.hold(from_account=mine, to_account=theirs, amount=one)
    elif way == "paid by another":
        services.transfer(from_account=AccountFactory(balance="5"), to_account=theirs, amount=one)
    else:
        services.deposit(to_account=theirs, amount=Decimal(5))
        if way == "paid by them":
            services.transfer(from_account=theirs, to_account=mine, amount=one)
    assert is_asked(send(ana, form_for(mine, theirs)))


# --- ways around the step-up ----------------------------------------------------------------------


def test_what_was_typed_is_still_there_after_the_step_up(
    ana: Client, mine: Account, theirs: Account
) -> None:
    form = form_for(mine, theirs) | {"name": "Mara Lindt", "reference": "R-7"}
    asked = send(ana, form)
    page = ana.get(asked["Location"])
    assert "first payment to this account" in text_of(page)
    wrong = ana.post(asked["Location"], {"password": "not-this-one-at-all"})
    assert wrong.status_code == 200
    back = ana.post(asked["Location"], {"password": PASSWORD}, follow=True)
    assert back.redirect_chain[-1][0] == f"{TRANSFER}?id={form['id']}"
    shown = dict(back.context["form"].as_read)
    assert {name: shown[name] for name in form} == form
    assert paid_by_page() == 0
    sent = {**shown, "reviewed": token_of(back), "step": "send"}
    assert is_paid(ana.post(TRANSFER, sent))
    assert balances(theirs) == [50]


def test_another_persons_kept_payment_is_never_shown(ana: Client, mine: Account) -> None:
    form = form_for(mine, AccountFactory())
    send(ana, form)
    other = Client()
    other.force_login(AccountFactory(balance="5").user)
    page = other.get(TRANSFER, {"id": form["id"]})
    assert not token_of(page)
    assert form["number"] not in text_of(page)


def test_a_step_up_in_another_session_or_by_another_person_opens_nothing(
    ana: Client, mine: Account, theirs: Account
) -> None:
    elsewhere = Client()
    elsewhere.force_login(mine.user)
    prove(elsewhere, mine.user)
    other = AccountFactory(balance="5").user
    stranger = Client()
    stranger.force_login(other)
    prove(stranger, other)
    assert is_asked(send(ana, form_for(mine, theirs)))
    prove(ana, other)  # a record of another person in this session
    assert is_asked(send(ana, form_for(mine, theirs)))


def test_a_password_alone_does_not_do_for_somebody_with_a_second_factor(
    ana: Client, mine: Account, theirs: Account
) -> None:
    app = add_app(mine.user)
    prove(ana, mine.user)
    asked = send(ana, form_for(mine, theirs))
    assert is_asked(asked)
    assert "2fa" in asked["Location"]
    page = ana.post("/account/reauthenticate/", {"password": PASSWORD})
    assert page.status_code == 302
    assert "2fa" in page["Location"]
    assert is_asked(send(ana, form_for(mine, theirs)))
    prove_factor(ana, app)
    assert is_paid(send(ana, form_for(mine, theirs)))


def test_an_old_factor_is_not_made_fresh_by_a_new_password(
    ana: Client, mine: Account, theirs: Account
) -> None:
    prove_factor(ana, add_app(mine.user))
    let_pass(ana, minutes=6)
    prove(ana, mine.user)
    assert is_asked(send(ana, form_for(mine, theirs)))


def test_who_has_no_way_to_step_up_is_told_to_add_one(
    ana: Client, mine: Account, theirs: Account
) -> None:
    mine.user.set_unusable_password()
    mine.user.save()
    ana.force_login(mine.user)
    let_pass(ana, minutes=6)
    answer = send(ana, form_for(mine, theirs), follow=True)
    assert "choose a password or add a passkey" in text_of(answer)
    assert "sign in again" not in text_of(answer)
    assert balances(theirs) == [0]
    prove(ana, mine.user, method="socialaccount", reauthenticated=False)
    assert not is_paid(send(ana, form_for(mine, theirs))), "the provider may have asked nothing"
    prove(ana, mine.user, method="socialaccount")
    assert is_paid(send(ana, form_for(mine, theirs)))


@pytest.mark.parametrize("method", ["password_reset", "code", "token"])
def test_a_mail_is_no_proof(ana: Client, mine: Account, theirs: Account, method: str) -> None:
    prove(ana, mine.user, method=method)
    assert is_asked(send(ana, form_for(mine, theirs)))


def test_a_step_up_that_ended_between_review_and_sending_is_asked_again(
    ana: Client, mine: Account, theirs: Account
) -> None:
    prove(ana, mine.user)
    seen = reviewed(ana, TRANSFER, form_for(mine, theirs))
    let_pass(ana, minutes=6)
    assert is_asked(ana.post(TRANSFER, {**seen, "step": "send"}))
    assert balances(theirs) == [0]


def test_the_question_is_in_the_security_log(ana: Client, mine: Account, theirs: Account) -> None:
    with security_events() as events:
        send(ana, form_for(mine, theirs))
    (asked,) = events.named("step_up.asked")
    assert asked["person"] == str(mine.user.pk)


@pytest.mark.django_db(transaction=True)
def test_a_payment_below_the_limit_is_summed_up_and_booked_in_one_statement(
    ana: Client, mine: Account, known: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(single_statement, "paths", Counter())
    for amount, is_below in (("600", True), ("400", True), ("0.01", False)):
        form = reviewed(ana, TRANSFER, form_for(mine, known, amount))
        single_statement.paths.clear()
        answer = ana.post(TRANSFER, {**form, "step": "send"})
        assert is_paid(answer) == is_below
        assert single_statement.paths[ONE_STATEMENT] == is_below
    assert balances(known) == [1001]


@pytest.mark.django_db(transaction=True)
def test_payments_sent_at_one_moment_do_not_pass_the_limit_together(
    ana: Client, mine: Account
) -> None:
    """Tests parallel payments from eight accounts to eight others. Only the lock on the person
    makes them wait.
    """
    forms, shops = [], [AccountFactory() for _ in range(8)]
    for shop in shops:
        own = AccountFactory(user=mine.user, balance="500")
        services.transfer(from_account=own, to_account=shop, amount=Decimal(1))
        forms.append(reviewed(ana, TRANSFER, form_for(own, shop, "300")))
    together, answers = threading.Barrier(len(forms), timeout=60), []

    def press(form: Form) -> None:
        client = Client()
        client.cookies = ana.cookies
        together.wait()
        answers.append(client.post(TRANSFER, {**form, "step": "send"}))
        connection.close()

    threads = [threading.Thread(target=press, args=[form]) for form in forms]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(balances(*shops)) == 8 + 3 * 300
    assert sum(map(is_paid, answers)) == 3
    assert sum(map(is_asked, answers)) == 5

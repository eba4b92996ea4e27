"""An open session alone pays nobody new, and nothing large: the step-up, and every way round it."""

import threading
from collections import Counter
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.db import transaction as db_transaction
from django.test import Client
from django.utils import timezone

from accounts.models import Account
from ledger.db.ids import uuid7
from tests.factories import AccountFactory, UserFactory, balances
from tests.pages import text_of
from tests.reviews import TRANSFER, reviewed, send, token_of
from tests.security_events import security_events
from tests.sign_in import add_app, let_pass, prove, prove_factor
from tests.transactions.payment_files.files import checked, pay
from transactions import services, staff_services
from transactions.models import PaymentFile, StaffReason, Transaction
from transactions.payment_files.confirming import (
    NEW_RECIPIENTS,
    refuse_unconfirmed,
    why_confirm_file,
)
from transactions.posting import single_statement
from transactions.posting.single_statement import ONE_STATEMENT
from transactions.safeguards import confirmation
from transactions.safeguards.recipients import shown_name
from transactions.services import Draft

pytestmark = pytest.mark.django_db
PASSWORD = "correct-horse-battery"
Form = dict[str, Any]


@pytest.fixture
def mine() -> Account:
    return AccountFactory(balance="9000", user__name="Ana Ferreira", user__password=PASSWORD)


@pytest.fixture
def theirs() -> Account:
    return AccountFactory(user__name="Mara Lindt")


@pytest.fixture
def known(mine: Account) -> Account:
    """An account that Ana has paid a small amount, without this session."""
    account: Account = AccountFactory(user__name="Jo Wolf")
    services.transfer(from_account=mine, to_account=account, amount=Decimal(1))
    return account


@pytest.fixture
def ana(client: Client, mine: Account) -> Client:
    """Somebody who signed in six minutes ago."""
    client.force_login(mine.user)
    let_pass(client, minutes=6)
    return client


def form_for(mine: Account, theirs: Account, amount: str = "50.00") -> Form:
    return {
        "id": str(uuid7()), "from_account": str(mine.pk), "number": theirs.number,
        "amount": amount, "description": "Rent", "reference": "",
    }  # fmt: skip


def is_asked(response: Any) -> bool:
    """Whether the answer leads to the step-up."""
    return response.status_code == 302 and "reauthenticate" in str(response["Location"])


def is_paid(response: Any) -> bool:
    return response.status_code == 302 and str(response["Location"]).startswith("/transactions/")


def paid_by_page() -> int:
    count: int = Transaction.objects.exclude(created_by=None).count()
    return count


# --- when it is asked --------------------------------------------------------------------------


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
    """The stranger has paid Ana 1 unit, and staff have sent it back."""
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
    assert shown_name(mine.user, stranger) == "Eve Stone"  # money was booked, so it has a name


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
    # What was paid while the proof counted is not added up again. Time passed only for the session.
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


# --- ways round it ---------------------------------------------------------------------------


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
    prove(ana, other)  # a record of somebody else in this session
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
    """From eight accounts to eight others: only the lock on the person makes them wait."""
    forms, shops = [], [AccountFactory() for _ in range(8)]
    for shop in shops:
        own = AccountFactory(user=mine.user, balance="500")
        services.transfer(from_account=own, to_account=shop, amount=Decimal(1))
        forms.append(reviewed(ana, TRANSFER, form_for(own, shop, "300")))
    together, answers = threading.Barrier(len(forms)), []

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


# --- payment files -----------------------------------------------------------------------------


def press(client: Client, file: PaymentFile, step: str = "whole", **options: Any) -> Any:
    page = client.get(f"/transfers/files/{file.pk}/")
    fields = {name: page.context[name] for name in ("agreed", "reviewed")}
    return client.post(f"/transfers/files/{file.pk}/", {**fields, "step": step}, **options)


@pytest.mark.django_db(transaction=True)
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


@pytest.mark.django_db(transaction=True)
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


@pytest.mark.django_db(transaction=True)
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


@pytest.mark.django_db(transaction=True)
def test_files_paid_at_one_moment_wait_for_each_other(mine: Account, known: Account) -> None:
    refuse = refuse_unconfirmed(checked(mine, pay(known, 600)), mine.user, covered_until=None)
    assert refuse is not None
    found = []

    def sum_up_too() -> None:
        try:
            with db_transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '10ms'")
                confirmation.paid_today(mine.user.pk, mine.currency, None, locks=True)
        except OperationalError as error:
            found.append(type(error.__cause__).__name__)
        finally:
            connection.close()

    with db_transaction.atomic():
        refuse(0)
        other = threading.Thread(target=sum_up_too)
        other.start()
        other.join()
    assert found == ["LockNotAvailable"]


@pytest.mark.django_db(transaction=True)
def test_a_payment_booked_while_a_file_is_paid_counts_with_its_lines(
    mine: Account, known: Account
) -> None:
    file = checked(mine, pay(known, 600))
    refuse = refuse_unconfirmed(file, mine.user, covered_until=None)
    assert refuse is not None
    refuse(0)
    services.transfer(
        from_account=mine, to_account=known, amount=Decimal(401), created_by=mine.user
    )
    with pytest.raises(confirmation.ConfirmationNeeded):
        refuse(0)


@pytest.mark.django_db(transaction=True)
def test_a_file_over_the_limit_is_asked_also_in_parts(
    ana: Client, mine: Account, known: Account
) -> None:
    assert is_asked(press(ana, checked(mine, pay(known, 600), pay(known, 401))))
    press(ana, checked(mine, pay(known, 600)), "pay")
    assert balances(known) == [601]
    assert is_asked(press(ana, checked(mine, pay(known, 401)), "pay"))
    assert is_asked(send(ana, form_for(mine, known, "401")))
    assert is_paid(send(ana, form_for(mine, known, "400")))


@pytest.mark.django_db(transaction=True)
def test_htmx_is_led_to_the_step_up_too(ana: Client, mine: Account, theirs: Account) -> None:
    answer = press(ana, checked(mine, pay(theirs, 1)), "pay", headers={"HX-Request": "true"})
    assert "reauthenticate" in answer.headers["HX-Redirect"]


@pytest.mark.django_db(transaction=True)
def test_a_file_between_ones_own_accounts_is_not_asked(ana: Client, mine: Account) -> None:
    savings = AccountFactory(user=mine.user, name="Savings")
    press(ana, checked(mine, pay(savings, 5000)))
    assert balances(savings) == [5000]

"""The pages of standing orders: set up by form, review and proof, changed, and listed."""

import re
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Account, User
from accounts.services import close_account, freeze_account
from banking.standing_orders.models import StandingOrder
from banking.standing_orders.paying import pay_due
from banking.standing_orders.services import pause, skip
from ledger.db.ids import uuid7
from ledger.text.dates import day_heading
from tests.banking.standing_orders.orders import order_of, settled
from tests.factories import PASSWORD, AccountFactory
from tests.pages import lacks, markup_of, text_of, texts_of
from tests.sign_in import let_pass, prove
from tests.transactions.table_files import json_of
from transactions import services
from transactions.models import NamesAsked
from transactions.payees.services import save_payee
from transactions.safeguards.recipients import NOT_PAYABLE

pytestmark = pytest.mark.django_db
LIST, NEW = "/standing-orders/", "/standing-orders/new/"
SOON = timedelta(days=9)


@pytest.fixture
def mine() -> Account:
    return AccountFactory(balance="1000", name="Everyday", user__name="Ana Ferreira")


@pytest.fixture
def theirs() -> Account:
    return AccountFactory(name="Rent income", user__name="Mara Lindt")


@pytest.fixture
def ana(client: Client, mine: Account) -> Client:
    client.force_login(mine.user)
    return client


@pytest.fixture
def later(ana: Client) -> Client:
    """Ana, who has a password and whose last proof is too old."""
    user = User.objects.get(name="Ana Ferreira")
    user.set_password(PASSWORD)
    user.save()
    ana.force_login(user)
    let_pass(ana, minutes=60)
    return ana


def filled(mine: Account, theirs: Account, **changed: Any) -> dict[str, Any]:
    first = timezone.localdate() + SOON
    facts = {
        "id": str(uuid7()), "from_account": str(mine.pk), "number": theirs.number, "name": "",
        "amount": "900", "every": "month", "first_on": first.isoformat(), "last_on": "",
        "times": "", "description": "Rent", "reference": "R-1",
    }  # fmt: skip
    return facts | changed


def reviewed(client: Client, form: dict[str, Any]) -> dict[str, str]:
    """Reviews the form; the fields that agree to what the review shows."""
    page = client.post(NEW, form).content.decode()
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page))
    return {**fields, "step": "agree"}


def agreed(client: Client, form: dict[str, Any]) -> Any:
    """Reviews the form, then agrees."""
    return client.post(NEW, reviewed(client, form))


def url_of(order: StandingOrder, action: str = "") -> str:
    return f"{LIST}{order.pk}/{action}{'/' if action else ''}"


def test_the_review_shows_the_next_days_and_stores_nothing(
    ana: Client, mine: Account, theirs: Account
) -> None:
    first = date(timezone.localdate().year + 1, 1, 31)
    page = text_of(ana.post(NEW, filled(mine, theirs, first_on=first.isoformat())))
    for fact in ("900.00", "every month", "M••• L•••", "31 January", "28 February", "Rent", "R-1"):
        assert fact in page, fact
    assert "Lindt" not in page
    assert not StandingOrder.objects.exists()


@pytest.mark.parametrize("end", ["last_on", "times"])
def test_an_order_ends_as_the_form_says(
    end: str, ana: Client, mine: Account, theirs: Account
) -> None:
    last = timezone.localdate() + timedelta(days=400)
    changed = {"last_on": last.isoformat()} if end == "last_on" else {"times": "3"}
    agreed(ana, filled(mine, theirs, **changed))
    order = StandingOrder.objects.get()
    assert (order.last_on, order.times) == ((last, None) if end == "last_on" else (None, 3))


def test_the_review_of_each_kind_of_order_says_when_it_is_tried_and_what_can_be_done(
    later: Client, mine: Account, theirs: Account
) -> None:
    repeats = text_of(later.post(NEW, filled(mine, theirs)))
    once = text_of(later.post(NEW, filled(mine, theirs, every="once")))
    for page in (repeats, once):
        assert "until midnight and once more the next day" in page
        assert (
            "Please confirm that it is you, because this standing order pays somebody else." in page
        )
    assert "We pay once on each of these days." in repeats
    assert "You can skip a day" in repeats
    assert "We pay this order once." in once
    for word in ("Each day", "skip", "repeat"):
        assert word not in once


def test_an_order_to_others_needs_a_proof_and_keeps_what_was_typed(
    later: Client, mine: Account, theirs: Account
) -> None:
    form = filled(mine, theirs)
    answer = agreed(later, form)
    assert answer.status_code == 302
    assert NEW not in answer["Location"].split("?")[0]
    assert not StandingOrder.objects.exists()
    assert "Check your standing order" in text_of(later.get(NEW, {"id": form["id"]}))


def test_after_a_proof_it_is_set_up_once_however_often_it_is_sent(
    ana: Client, mine: Account, theirs: Account
) -> None:
    form = reviewed(ana, filled(mine, theirs, times="12"))
    first, second = ana.post(NEW, form), ana.post(NEW, form)
    order = StandingOrder.objects.get()
    assert (order.owner, order.amount, order.times) == (mine.user, 900, 12)
    assert first["Location"] == second["Location"] == url_of(order)


def test_between_ones_own_accounts_no_proof_is_asked(later: Client, mine: Account) -> None:
    savings = AccountFactory(user=mine.user, name="Savings")
    answer = agreed(later, filled(mine, savings, every="once"))
    order = StandingOrder.objects.get()
    assert answer["Location"] == url_of(order)
    assert order.times == 1


def test_nothing_is_set_up_without_its_review(ana: Client, mine: Account, theirs: Account) -> None:
    answer = ana.post(NEW, {**filled(mine, theirs), "step": "agree", "reviewed": "forged"})
    assert "Check your standing order" in text_of(answer)
    assert not StandingOrder.objects.exists()


WRONG = [
    ({"first_on": "2020-01-01"}, "past"),
    ({"first_on": "2999-01-01"}, "two years"),
    ({"first_on": "soon"}, "Type a day"),
    ({"last_on": "2020-01-01"}, "before the first"),
    ({"times": "0"}, "whole number from 1 to 1,000"),
    ({"times": "1001"}, "whole number from 1 to 1,000"),
    ({"times": "a few"}, "whole number from 1 to 1,000"),
    ({"times": "3", "last_on": "2999-01-01"}, "not both"),
    ({"every": "fortnight"}, "not one of the available"),
    ({"amount": "-3"}, "without a minus"),
    ({"number": "111111111111"}, "check digits"),
]


@pytest.mark.parametrize(("changed", "sentence"), WRONG)
def test_a_wrong_field_is_told_and_the_form_keeps_what_was_typed(
    ana: Client, mine: Account, theirs: Account, changed: dict[str, str], sentence: str
) -> None:
    answer = ana.post(NEW, filled(mine, theirs, **changed))
    assert sentence in text_of(answer)
    assert "R-1" in answer.content.decode()


def test_a_number_that_cannot_be_paid_is_counted_and_tells_no_reason(
    ana: Client, mine: Account, theirs: Account
) -> None:
    close_account(account=theirs, reason="Left")
    answer = ana.post(NEW, filled(mine, theirs))
    assert NOT_PAYABLE in text_of(answer)
    assert NamesAsked.objects.get(user=mine.user).numbers == 1


def test_the_list_tells_what_comes_and_what_will_be_left(
    ana: Client, mine: Account, theirs: Account
) -> None:
    savings = AccountFactory(user=mine.user, name="Savings")
    today = timezone.localdate()
    order_of(mine, theirs, amount=Decimal(900), first_on=today + SOON)
    order_of(mine, savings, amount=Decimal(50), every="week", first_on=today + SOON, times=2)
    page = text_of(ana.get(LIST))
    for fact in ("900.00", "M••• L•••", "Savings", "100.00", "50.00", "0.00"):
        assert fact in page, fact
    rows = json_of(ana, f"{LIST}standing-orders.json")
    assert [row["recipient"] for row in rows] == ["M••• L•••", "Savings"]


def test_what_will_lack_money_is_told_two_days_before_on_home_too(
    ana: Client, mine: Account, theirs: Account
) -> None:
    today = timezone.localdate()
    order_of(mine, theirs, amount=Decimal(600), first_on=today + timedelta(days=1))
    assert "more by" not in text_of(ana.get("/"))
    order_of(mine, theirs, amount=Decimal(600), first_on=today + timedelta(days=2))
    for page in ("/", LIST):
        assert re.search(r"Everyday needs 200\.00\sUSD more by", text_of(ana.get(page)))


def test_what_is_missing_for_two_payments_adds_up_on_the_page(
    ana: Client, mine: Account, theirs: Account
) -> None:
    today = timezone.localdate()
    services.withdraw(from_account=mine, amount=Decimal("579.68"))
    order_of(mine, theirs, amount=Decimal(450), first_on=today)
    order_of(mine, theirs, amount=Decimal(900), first_on=today + timedelta(days=2))
    page = " ".join(text_of(ana.get("/")).replace("\xa0", " ").split())
    by = day_heading(today + timedelta(days=2))
    assert "Everyday needs 29.68 USD more by" in page
    assert (
        f"Everyday needs 929.68 USD more by {by} for the standing order of 900.00 USD and "
        "1 earlier payment." in page
    )


def test_payments_that_lack_money_are_in_no_total_and_the_page_says_so(
    ana: Client, mine: Account, theirs: Account
) -> None:
    today = timezone.localdate()
    order_of(mine, theirs, amount=Decimal(900), every="once", first_on=today + SOON)
    assert "not include" not in text_of(ana.get(LIST))
    order_of(mine, theirs, amount=Decimal(600), every="once", first_on=today + SOON)
    order_of(mine, AccountFactory(user=mine.user), amount=Decimal(600), first_on=today + SOON)
    page = " ".join(text_of(ana.get(LIST)).split())
    assert "900.00 USD The total does not include 1 payment that we cannot make at present." in page


def test_a_page_whose_only_payment_lacks_money_leaves_it_out_of_no_total(
    ana: Client, mine: Account, theirs: Account
) -> None:
    day = timezone.localdate() + SOON
    order_of(mine, theirs, amount=Decimal(1900), every="once", first_on=day)
    page = text_of(ana.get(LIST))
    assert "At present, we cannot make 1 payment to others in the next 30 days." in page
    assert "not include" not in page


def test_a_payment_that_is_made_on_the_next_day_is_in_the_total(
    ana: Client, mine: Account, theirs: Account
) -> None:
    day = timezone.localdate() + SOON
    savings = AccountFactory(user=mine.user, balance="500")
    order_of(mine, theirs, amount=Decimal(1200), every="once", first_on=day)
    order_of(savings, mine, amount=Decimal(500), every="once", first_on=day + timedelta(days=1))
    page = text_of(ana.get(LIST))
    assert "1,200.00 USD" in page
    assert "cannot make" not in page
    assert "not include" not in page


@pytest.mark.parametrize(("days", "told"), [(0, "Everyday needs 500.00\\sUSD more by"), (40, None)])
def test_the_review_says_what_money_is_missing(
    ana: Client, mine: Account, theirs: Account, days: int, told: str | None
) -> None:
    today = timezone.localdate()
    order_of(mine, theirs, amount=Decimal(900), every="once", first_on=today)
    day = (today + timedelta(days=days)).isoformat()
    form = filled(mine, theirs, amount="600", every="once", first_on=day)
    page = text_of(ana.post(NEW, form))
    assert (told is None) == ("more by" not in page)
    assert re.search(told or "", page)
    freeze_account(account=mine, reason="Lost card")
    frozen = "is frozen, so we cannot pay this order" in text_of(ana.post(NEW, form))
    assert frozen == (told is not None)


def test_the_review_and_the_page_say_which_later_payment_fails(
    ana: Client, mine: Account, theirs: Account
) -> None:
    today = timezone.localdate()
    second = day_heading(today + timedelta(days=7))
    form = filled(mine, theirs, amount="600", every="week", first_on=today.isoformat())
    assert f"Everyday needs 200.00 USD more by {second}" in flat(ana.post(NEW, form))
    order = order_of(mine, theirs, amount=Decimal(600), every="week", first_on=today)
    page = flat(ana.get(url_of(order)))
    assert f"Everyday needs 200.00 USD more by {second} for the standing order" in page
    assert page.count("more by") == 1
    ana.post(url_of(order, "pause"))
    assert "more by" not in flat(ana.get(url_of(order)))
    Account.objects.filter(pk=mine.pk).update(daily_limit=500)
    ana.post(url_of(order, "resume"))
    assert "Everyday has a limit of 500.00 USD per day, so we" in flat(ana.get(url_of(order)))


def test_the_review_says_which_other_order_fails_because_of_the_new_one(
    ana: Client, mine: Account, theirs: Account
) -> None:
    today = timezone.localdate()
    day = today + timedelta(days=5)
    order_of(mine, theirs, amount=Decimal(900), every="once", first_on=day)
    order_of(mine, theirs, amount=Decimal(5000), every="once", first_on=day)
    for amount, told in ((100, False), (101, True)):
        form = filled(mine, theirs, amount=amount, every="once", first_on=today.isoformat())
        page = flat(ana.post(NEW, form))
        said = (
            f"order of 900.00 USD on {day_heading(day)}: the account needs 1.00 USD more by then."
        )
        assert (said in page, "If you set up this order" in page) == (told, told)


def test_the_calendar_says_what_is_held_of_a_balance_that_seems_enough(
    ana: Client, mine: Account, theirs: Account
) -> None:
    for amount in (900, 2000):
        order_of(mine, theirs, amount=Decimal(amount), every="once", first_on=timezone.localdate())
    services.hold(from_account=mine, to_account=theirs, amount=Decimal(150))
    page = flat(ana.get(LIST))
    assert page.count("150.00 USD of the balance is on hold") == 1, (
        "the other lacks more than is held"
    )


def flat(response: Any) -> str:
    """What a page says, with plain spaces."""
    return " ".join(text_of(response).replace("\xa0", " ").split())


def test_later_than_two_days_and_a_frozen_account(
    ana: Client, mine: Account, theirs: Account
) -> None:
    today = timezone.localdate()
    order_of(mine, theirs, amount=Decimal(2000), first_on=today + timedelta(days=3))
    assert "more by" not in text_of(ana.get("/"))
    order_of(mine, theirs, first_on=today)
    freeze_account(account=mine, reason="Lost card")
    assert "is frozen" in text_of(ana.get("/"))


def test_an_order_is_skipped_paused_resumed_and_ended_by_its_page(
    ana: Client, mine: Account, theirs: Account
) -> None:
    first = timezone.localdate() + SOON
    order = order_of(mine, theirs, every="week", first_on=first)
    for _ in range(2):  # pressed twice
        ana.post(url_of(order, "skip"), {"day": first.isoformat()})
    assert settled(order) == [(f"{first:%m-%d}", "skipped")]
    for action, status in (("pause", "paused"), ("resume", "active"), ("end", "ended")):
        assert ana.post(url_of(order, action))["Location"] == url_of(order)
        order.refresh_from_db()
        assert order.status == status
    assert "has ended" in text_of(ana.post(url_of(order, "pause"), follow=True))
    page = text_of(ana.get(url_of(order)))
    assert "skipped" in page
    assert "You ended it" in page


def test_another_amount_is_said_with_the_first_day_on_which_it_is_paid(
    ana: Client, mine: Account, theirs: Account
) -> None:
    order = order_of(mine, theirs, first_on=timezone.localdate() + SOON)
    prove(ana, mine.user)
    (told,) = texts_of(ana.post(url_of(order, "amount"), {"amount": "77"}, follow=True), "toast")
    assert not lacks(told, "77.00", day_heading(order.next_on))
    pause(order=order)
    (told,) = texts_of(ana.post(url_of(order, "amount"), {"amount": "78"}, follow=True), "toast")
    assert not lacks(told, "78.00", "resume")
    assert day_heading(order.next_on) not in told


def test_another_amount_to_others_needs_a_proof(
    later: Client, mine: Account, theirs: Account
) -> None:
    order = order_of(mine, theirs)
    answer = later.post(url_of(order, "amount"), {"amount": "77"})
    assert answer["Location"].split("?")[0] != url_of(order)
    assert 'value="77.00"' in later.get(url_of(order)).content.decode()
    assert "77.00 is not saved yet" in text_of(later.get(url_of(order)))
    order.refresh_from_db()
    assert order.amount == 10
    prove(later, mine.user)
    later.post(url_of(order, "amount"), {"amount": "77"})
    order.refresh_from_db()
    assert order.amount == 77
    assert "not saved yet" not in text_of(later.get(url_of(order)))
    assert "field__error" in later.post(url_of(order, "amount"), {"amount": "0"}).content.decode()


def test_a_refused_day_that_was_missed_is_tried_until_the_day_of_its_refusal_is_over(
    ana: Client, mine: Account, theirs: Account
) -> None:
    today = timezone.localdate()
    order = order_of(mine, theirs, amount=Decimal(5000), first_on=today)
    StandingOrder.objects.update(first_on=today - timedelta(days=5))
    assert pay_due().waiting == 1
    assert "The latest attempt was refused: “" in text_of(ana.get(url_of(order)))
    said = f"We try again until the end of {day_heading(today)}"
    assert said in text_of(ana.get(url_of(order)))


def test_what_was_paid_leads_to_its_receipt(ana: Client, mine: Account, theirs: Account) -> None:
    order = order_of(mine, theirs, first_on=timezone.localdate())
    assert pay_due().paid == 1
    day = order.occurrences.get()
    assert f"/transactions/{day.transaction_id}/" in ana.get(url_of(order)).content.decode()
    assert "Mara Lindt" in text_of(ana.get(LIST))  # known since it was paid


def test_the_receipt_of_what_an_order_paid_names_the_order_to_its_owner_alone(
    ana: Client, mine: Account, theirs: Account
) -> None:
    order = order_of(mine, theirs, first_on=timezone.localdate())
    assert pay_due().paid == 1
    url = f"/transactions/{order.occurrences.get().transaction_id}/"
    page = ana.get(url).content.decode()
    assert "Paid by the standing order" in page
    assert f'href="{url_of(order)}"' in page
    assert "Repeat regularly" not in page
    assert "Send again" in page
    ana.force_login(theirs.user)
    page = ana.get(url).content.decode()
    assert "standing order" not in page
    assert str(order.pk) not in page


ENDS = [
    (2, ("pay", "pay"), "The last payment was made."),
    (2, ("pay", "skip"), "The last payment was skipped."),
    (1, ("pay",), "The payment was made."),
    (1, ("refuse",), "The payment was not made."),
]


@pytest.mark.parametrize(("times", "days", "sentence"), ENDS)
def test_an_ended_order_says_what_became_of_its_last_payment(
    ana: Client, mine: Account, theirs: Account, times: int, days: tuple[str, ...], sentence: str
) -> None:
    today = timezone.localdate()
    order = order_of(
        mine, theirs, every="week", times=times, first_on=today,
        amount=Decimal(5000 if "refuse" in days else 10),
    )  # fmt: skip
    for number, what in enumerate(days):
        due = timezone.now() + timedelta(weeks=number)
        if what == "skip":
            skip(order=order, day=today + timedelta(weeks=number))
        for later in range(2 if what == "refuse" else 1):
            pay_due(now=due + timedelta(days=later))
    for place in (LIST, url_of(order)):
        assert sentence in text_of(ana.get(place))


def test_a_receipt_leads_to_an_order_of_the_same_payment(
    ana: Client, mine: Account, theirs: Account
) -> None:
    paid = services.transfer(
        from_account=mine, to_account=theirs, amount=Decimal("12.50"), description="Yoga",
        created_by=mine.user,
    )  # fmt: skip
    (link,) = re.findall(
        r'href="([^"]+\?again=[^"]+)">Repeat',
        ana.get(f"/transactions/{paid.pk}/").content.decode(),
    )
    form = ana.get(link, follow=True).content.decode()
    for value in (theirs.number, "12.50", "Yoga"):
        assert f'value="{value}"' in form.replace(" ", " "), value


def test_nobody_elses_order_is_there(ana: Client, mine: Account, theirs: Account) -> None:
    order = order_of(theirs, mine)
    assert ana.get(url_of(order)).status_code == 404
    for action in ("skip", "pause", "resume", "end", "amount"):
        assert ana.post(url_of(order, action), {"amount": "1"}).status_code == 404
    order.refresh_from_db()
    assert (order.status, order.amount, order.position) == ("active", 10, 0)


def test_the_form_offers_payees_and_an_order_leads_back_to_the_list(
    ana: Client, mine: Account, theirs: Account
) -> None:
    save_payee(owner=mine.user, account=theirs, name="Landlady")
    link = f"?from={mine.pk}&amp;to={theirs.number}"
    shown = f'<a href="{link}" data-recipient="{theirs.number}">Landlady'
    assert shown in markup_of(ana.get(NEW, follow=True))
    form = ana.get(NEW + link.replace("&amp;", "&"), follow=True).context["form"]
    assert form["number"].value() == theirs.number
    order = order_of(mine, theirs)
    for _ in range(2):
        assert f'href="{LIST}">All standing orders' in markup_of(ana.get(url_of(order)))
        ana.post(url_of(order, "end"))


def test_the_empty_page_leads_to_the_form(ana: Client) -> None:
    assert NEW in ana.get(LIST).content.decode()


def test_the_queries_do_not_grow_with_the_orders(
    ana: Client, mine: Account, theirs: Account
) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as found:
            ana.get(LIST)
        return len(found)

    order_of(mine, theirs)
    few = asked()
    for _ in range(5):
        order_of(mine, AccountFactory(), first_on=timezone.localdate() + SOON)
    assert asked() == few

"""The views of standing orders: which step follows which, what is kept, stored and changed."""

from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from django.http import Http404
from django.utils import timezone

from accounts.models import Account
from accounts.sign_in import step_up
from banking.standing_orders import services, views
from banking.standing_orders.forms import WHY_PROOF, StandingOrderForm, order_id_for
from banking.standing_orders.models import StandingOrder
from banking.standing_orders.services import OrderChanged
from banking.standing_orders.views import (
    CHANGED_AFTER_AGREEING,
    KEPT,
    SET_UP_ONCE,
    ReviewedOrder,
)
from ledger.db.ids import uuid7
from tests.banking.standing_orders.orders import order_of
from tests.factories import PASSWORD, AccountFactory, nobodys
from tests.requests import leave_unrendered, messages_of, request_of
from transactions.safeguards import review
from transactions.safeguards.review import NOT_REVIEWED
from transactions.transfers import reviewed_form

pytestmark = pytest.mark.django_db
NEW = "/standing-orders/new/"
FORM, REVIEW, DETAIL = (f"standing_orders/{name}.html" for name in ("new", "review", "detail"))


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """One entry for each time that a view waits for the standby. Pages are not rendered."""
    found = list[bool]()
    for module in (views, reviewed_form):
        leave_unrendered(monkeypatch, module)
    monkeypatch.setattr(reviewed_form, "wait_until_confirmed", lambda: found.append(True))
    return found


def typed(mine: Account, theirs: Account, **changes: Any) -> dict[str, Any]:
    first = timezone.localdate() + timedelta(days=9)
    return {
        "id": str(uuid7()), "from_account": str(mine.pk), "number": theirs.number, "name": "",
        "amount": "60.00", "description": "Rent", "reference": "R-1", "every": "month",
        "first_on": first.isoformat(), "last_on": "", "times": "", **changes,
    }  # fmt: skip


def form_of(mine: Account, fields: dict[str, Any]) -> StandingOrderForm:
    form = StandingOrderForm(fields, user=mine.user)
    assert form.is_valid(), form.errors
    return form


def agreed(mine: Account, fields: dict[str, Any], **facts: Any) -> Any:
    """The request that agrees to a form which was reviewed."""
    read = form_of(mine, fields).as_read
    token = review.token_for(request_of(mine.user), ReviewedOrder.about, read)
    return request_of(mine.user, {**fields, "step": "agree", "reviewed": token}, **facts)


def stored(mine: Account, fields: dict[str, Any]) -> StandingOrder:
    """The order of this form, as an earlier request has set it up."""
    return services.set_up(form_of(mine, fields).order_draft)


def ordered(mine: Account, theirs: Account) -> StandingOrder:
    """Ten a month, from a day to come on."""
    return order_of(mine, theirs, first_on=timezone.localdate() + timedelta(days=9))


def place_of(order: StandingOrder) -> str:
    return f"/standing-orders/{order.pk}/"


def test_a_new_form_gets_an_id_in_its_address(mine: Account) -> None:
    answer = views.order_new(request_of(mine.user, path=NEW, query={"amount": "5"}))
    address, _, id = answer["Location"].rpartition("&id=")
    assert (answer.status_code, address) == (302, f"{NEW}?amount=5")
    query = {"id": id, "amount": "5"}
    page: Any = views.order_new(request_of(mine.user, path=NEW, query=query))
    assert (page.template, page.context["form"].is_bound) == (FORM, False)
    assert page.context["form"].initial == {"id": UUID(id), "amount": "5"}
    assert (page.context["sender"], page.context["known"]) == (mine, [])


def test_the_address_of_a_form_that_has_set_up_an_order_leads_to_it(
    mine: Account, theirs: Account, waits: list[bool]
) -> None:
    fields = typed(mine, theirs)
    order = stored(mine, fields)
    answer = views.order_new(request_of(mine.user, query={"id": fields["id"]}))
    assert answer["Location"] == place_of(order)
    assert waits == [True]
    other: Any = views.order_new(request_of(theirs.user, query={"id": fields["id"]}))
    assert other.template == FORM


@pytest.mark.parametrize(
    ("changes", "is_same_id", "template"),
    [({}, True, REVIEW), ({}, False, FORM), ({"amount": "x"}, True, FORM)],
)
def test_an_order_that_waited_for_a_proof_is_reviewed_again(
    mine: Account, theirs: Account, changes: dict[str, str], is_same_id: bool, template: str
) -> None:
    fields = typed(mine, theirs)
    request = request_of(mine.user, query={"id": fields["id"] if is_same_id else str(uuid7())})
    request.session[KEPT] = fields | changes
    page: Any = views.order_new(request)
    assert page.template == template
    assert page.context["form"].is_bound is (template == REVIEW)


@pytest.mark.parametrize("is_fresh", [False, True])
def test_the_review_shows_what_would_be_set_up_and_stores_nothing(
    mine: Account, theirs: Account, is_fresh: bool
) -> None:
    page: Any = views.order_new(request_of(mine.user, typed(mine, theirs), is_fresh=is_fresh))
    assert (page.template, StandingOrder.objects.exists()) == (REVIEW, False)
    context = page.context
    assert (context["order"].amount, context["days"][0]) == (60, context["order"].first_on)
    assert len(context["days"]) > 1
    assert context["why_confirm"] == ("" if is_fresh else WHY_PROOF)
    again = request_of(mine.user, {"reviewed": context["reviewed"]})
    assert review.note_of(again, ReviewedOrder.about, context["form"].as_read) == ""
    assert review.note_of(again, ReviewedOrder.about, []) is None


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"times": "0", "step": "agree"}, "times"),
        ({"number": nobodys()}, "number"),
        ({"amount": "100.01"}, "__all__"),
    ],
)
def test_a_mistake_shows_the_form_again(
    mine: Account, theirs: Account, changes: dict[str, str], field: str
) -> None:
    Account.objects.filter(pk=mine.pk).update(transfer_limit=100)
    page: Any = views.order_new(request_of(mine.user, typed(mine, theirs, **changes)))
    assert (page.template, list(page.context["form"].errors)) == (FORM, [field])


def test_going_back_shows_the_form_as_it_was_sent(mine: Account, theirs: Account) -> None:
    fields = typed(mine, theirs)
    page: Any = views.order_new(request_of(mine.user, fields | {"step": "edit"}))
    assert page.template == FORM
    assert {name: page.context["form"][name].value() for name in fields} == fields


def test_only_what_was_reviewed_is_set_up(mine: Account, theirs: Account) -> None:
    request = request_of(mine.user, typed(mine, theirs, step="agree", reviewed="forged"))
    page: Any = views.order_new(request)
    assert (page.template, messages_of(request)) == (REVIEW, [("warning", NOT_REVIEWED)])
    assert not StandingOrder.objects.exists()


def test_what_was_agreed_to_is_set_up_and_no_longer_kept(mine: Account, theirs: Account) -> None:
    fields = typed(mine, theirs, times="3")
    request = agreed(mine, fields)
    request.session[KEPT] = fields
    answer = views.order_new(request)
    order = StandingOrder.objects.get()
    assert order.pk == order_id_for(mine.user, UUID(fields["id"]))
    assert (order.owner, order.from_account, order.to_account) == (mine.user, mine, theirs)
    assert (order.amount, order.every, order.times) == (60, "month", 3)
    assert answer["Location"] == place_of(order)
    assert [level for level, _ in messages_of(request)] == ["success"]
    assert KEPT not in request.session


def test_an_order_to_others_needs_a_proof_first_and_the_form_is_kept(
    mine: Account, theirs: Account
) -> None:
    mine.user.set_password(PASSWORD)
    fields = typed(mine, theirs)
    request = agreed(mine, fields, is_fresh=False)
    answer = views.order_new(request)
    assert not answer["Location"].startswith(NEW)
    back = f"{NEW}?id={fields['id']}"
    assert request.session[step_up.ASKED] == {"why": WHY_PROOF, "back": back}
    assert request.session[KEPT] == fields
    assert not StandingOrder.objects.exists()


def test_an_order_between_own_accounts_needs_no_proof(mine: Account) -> None:
    savings = AccountFactory(user=mine.user)
    fields = typed(mine, savings)
    page: Any = views.order_new(request_of(mine.user, fields, is_fresh=False))
    assert page.context["why_confirm"] == ""
    answer = views.order_new(agreed(mine, fields, is_fresh=False))
    assert answer["Location"] == place_of(StandingOrder.objects.get())


def test_what_is_refused_when_it_is_agreed_to_stays_in_the_form(
    mine: Account, theirs: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "MAX_ORDERS", 0)
    page: Any = views.order_new(agreed(mine, typed(mine, theirs)))
    assert (page.template, page.context["form"].errors) == (
        FORM, {"__all__": [services.TOO_MANY]}
    )  # fmt: skip
    assert not StandingOrder.objects.exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [({}, ("info", SET_UP_ONCE)), ({"amount": "61"}, ("warning", CHANGED_AFTER_AGREEING))],
)
def test_a_form_that_was_agreed_to_leads_to_its_order(
    mine: Account, theirs: Account, waits: list[bool], changes: Any, message: tuple[str, str]
) -> None:
    fields = typed(mine, theirs)
    order = stored(mine, fields)
    request = agreed(mine, fields | changes)
    assert views.order_new(request)["Location"] == place_of(order)
    assert messages_of(request) == [message]
    assert (waits, StandingOrder.objects.get().amount) == ([True], 60)


def test_the_list_has_ones_own_orders_and_its_file_those_that_have_not_ended(
    mine: Account, theirs: Account
) -> None:
    order, ended = ordered(mine, theirs), ordered(mine, theirs)
    services.end(order=ended)
    page: Any = views.order_list(request_of(mine.user))
    assert page.template == "standing_orders/list.html"
    lines = page.context["page"].lines
    assert [(line.order, line.next_on) for line in lines] == [(order, order.first_on)]
    assert [line.order for line in page.context["page"].ended] == [ended]
    for reader, rows in ((mine.user, 1), (theirs.user, 0)):
        answer: Any = views.list_file(request_of(reader), "csv")
        assert len(b"".join(answer.streaming_content).decode().splitlines()) == 1 + rows


@pytest.fixture
def plain_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page of an order has its reader and the order alone, without its days."""
    monkeypatch.setattr(views, "order_page", lambda reader, order: (reader, order))


def detail(order: StandingOrder, kept: dict[str, str] | None = None) -> tuple[Any, str]:
    """The amount in the form of the order's page, and the amount that is to be sent again."""
    request = request_of(order.owner)
    if kept is not None:
        request.session[KEPT] = kept
    page: Any = views.order_detail(request, order.pk)
    assert (page.template, page.context["page"]) == (DETAIL, (order.owner, order))
    return page.context["form"]["amount"].value(), page.context["unsaved"]


@pytest.mark.usefixtures("plain_page")
def test_the_page_offers_the_amount_that_was_typed_before_a_proof(
    mine: Account, theirs: Account
) -> None:
    order = ordered(mine, theirs)
    kept = {"id": "", "order": str(order.pk), "amount": "12.50"}
    assert detail(order) == ("10.00", "")
    assert detail(order, kept) == ("12.50", "12.50")
    assert detail(order, kept | {"order": str(uuid7())}) == ("10.00", "")
    services.end(order=order)
    assert detail(order, kept) == ("10.00", "")


def test_the_order_of_another_person_is_not_there(mine: Account, theirs: Account) -> None:
    order = ordered(mine, theirs)
    for view, arguments in (
        (views.order_detail, ()), (views.order_amount, ()), (views.order_change, ("end",)),
    ):  # fmt: skip
        data = None if view is views.order_detail else {"amount": "1"}
        with pytest.raises(Http404):
            view(request_of(theirs.user, data), order.pk, *arguments)
    order.refresh_from_db()
    assert (order.amount, order.status) == (10, "active")


def changed(order: StandingOrder, amount: str, **facts: Any) -> tuple[Any, Any]:
    request = request_of(order.owner, {"amount": amount}, **facts)
    request.session[KEPT] = {"order": str(order.pk)}
    answer = views.order_amount(request, order.pk)
    order.refresh_from_db()
    return request, answer


def test_another_amount_is_stored_after_a_proof(mine: Account, theirs: Account) -> None:
    order = ordered(mine, theirs)
    request, answer = changed(order, "12.5")
    assert (answer["Location"], order.amount) == (place_of(order), Decimal("12.5"))
    ((level, running),) = messages_of(request)
    assert level == "success"
    assert KEPT not in request.session
    services.pause(order=order)
    request, _ = changed(order, "13")
    assert (order.amount, messages_of(request)[0][0]) == (13, "success")
    assert messages_of(request) != [("success", running.replace("12.50", "13.00"))]


def test_another_amount_to_others_waits_for_a_proof(mine: Account, theirs: Account) -> None:
    mine.user.set_password(PASSWORD)
    order = ordered(mine, theirs)
    order.owner = mine.user
    request, answer = changed(order, "12.5", is_fresh=False)
    assert (answer.status_code, order.amount) == (302, 10)
    assert request.session[step_up.ASKED] == {"why": WHY_PROOF, "back": place_of(order)}
    assert request.session[KEPT] == {"id": "", "order": str(order.pk), "amount": "12.50"}


def test_another_amount_to_an_own_account_needs_no_proof(mine: Account) -> None:
    order = ordered(mine, AccountFactory(user=mine.user))
    _, answer = changed(order, "12.5", is_fresh=False)
    assert (answer["Location"], order.amount) == (place_of(order), Decimal("12.5"))


@pytest.mark.usefixtures("plain_page")
def test_an_amount_that_is_refused_stays_in_the_form(mine: Account, theirs: Account) -> None:
    order = ordered(mine, theirs)
    for amount, is_kept in (("-1", True), ("0.001", False)):  # refused by the form, the service
        request, page = changed(order, amount)
        assert (page.template, order.amount) == (DETAIL, 10)
        assert (KEPT in request.session) is is_kept
        assert list(page.context["form"].errors) == ["amount"]
        assert (page.context["form"]["amount"].value(), page.context["unsaved"]) == (amount, "")


@pytest.mark.parametrize(
    ("action", "day", "facts"),
    [
        ("skip", "2027-01-31", {"day": date(2027, 1, 31)}),
        ("skip", "", {"day": date.min}),  # which no order pays on
        ("skip", "2026-02-31", {"day": date.min}),
        ("pause", "2027-01-31", {}),
        ("resume", "", {}),
        ("end", "", {}),
    ],
)
def test_a_button_changes_the_order_or_says_why_not(
    mine: Account, theirs: Account, monkeypatch: pytest.MonkeyPatch,
    action: str, day: str, facts: dict[str, date],
) -> None:  # fmt: skip
    order, calls = ordered(mine, theirs), list[tuple[str, dict[str, Any]]]()

    def change(name: str, **given: Any) -> None:
        calls.append((name, given))
        if len(calls) > 1:
            raise OrderChanged("It was paid.")

    for name in views.ACTIONS:
        monkeypatch.setattr(services, name, partial(change, name))
    requests = [request_of(mine.user, {"day": day}) for _ in range(2)]
    for request in requests:
        assert views.order_change(request, order.pk, action)["Location"] == place_of(order)
    assert calls == [(action, {"order": order, **facts})] * 2
    done, refused = (messages_of(request) for request in requests)
    assert [level for level, _ in done] == ["success"]
    assert refused == [("warning", "It was paid.")]

"""Access that ends while a file is being paid books no further part; somebody else can go on."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.groups import OPERATIONS
from accounts.models import Account, User
from accounts.services import set_sign_in
from banking.payment_files import booking, drafts
from banking.payment_files.booking import agreed_to
from banking.payment_files.models import PaymentFile
from tests.access_ends import ENDS
from tests.api.calls import post, slug
from tests.banking.payment_files.files import checked, fates, pay, press
from tests.banking.payment_files.shared import BASE, page_of, pay_at_the_desk
from tests.conftest import colleague
from tests.factories import balances
from tests.pages import text_of
from transactions import services

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _two_lines_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drafts, "PART", 2)


@pytest.fixture
def ana(client: Client, everyday: Account) -> Client:
    client.force_login(everyday.user)
    return client


def after_steps(monkeypatch: pytest.MonkeyPatch, count: int, end: Callable[[], object]) -> None:
    """Calls `end` once `book_rest` has booked this many parts."""
    real, steps = booking.book_step, list[int]()

    def step(file: PaymentFile, **request: Any) -> PaymentFile:
        if len(steps) == count:
            end()
        steps.append(1)
        return real(file, **request)

    monkeypatch.setattr(booking, "book_step", step)


@pytest.mark.parametrize("end", ENDS)
def test_a_page_books_no_further_part_and_says_how_far_it_came(
    ana: Client, everyday: Account, mara: Account, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    file = checked(everyday, *[pay(mara, 1)] * 5)
    with monkeypatch.context() as patch:
        after_steps(patch, 1, lambda: ENDS[end](everyday.user))
        response = ana.post(page_of(file), press(file, "pay"))

    assert "2 of 5 lines" in text_of(response)
    assert fates(file) == ["booked"] * 2 + ["waiting"] * 3
    assert balances(mara) == [2]

    set_sign_in(user=everyday.user.pk, is_open=True)
    again = Client()
    again.force_login(User.objects.get(pk=everyday.user.pk))
    again.post(page_of(file), press(file, "pay"))
    assert balances(mara) == [5]


@pytest.mark.parametrize("step", ["pay", "whole"])
def test_a_page_books_nothing_if_access_ends_before_the_first_part(
    ana: Client, everyday: Account, mara: Account, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    file = checked(everyday, *[pay(mara, 1)] * 2)
    real = services.post_together

    def closed_before(*args: Any) -> None:
        set_sign_in(user=everyday.user.pk, is_open=False)
        real(*args)

    monkeypatch.setattr(booking, "post_together", closed_before)
    response = ana.post(page_of(file), press(file, step))
    assert response.status_code == 409
    assert (fates(file), balances(mara)) == (["waiting"] * 2, [0])


def _take_group(clerk: User) -> None:
    clerk.groups.clear()


def _no_staff(clerk: User) -> None:
    changed = User.objects.get(pk=clerk.pk)
    changed.groups.clear()
    changed.is_staff = False
    changed.save(update_fields=["is_staff"])


@pytest.mark.parametrize("end", [*ENDS.values(), _take_group, _no_staff])
def test_a_clerk_whose_access_ends_pays_no_further_part_and_a_colleague_goes_on(
    staff: Client,
    clerk: User,
    everyday: Account,
    mara: Account,
    monkeypatch: pytest.MonkeyPatch,
    end: Callable[[User], object],
) -> None:
    file = checked(everyday, *[pay(mara, 1)] * 5, created_by=clerk)
    with monkeypatch.context() as patch:
        after_steps(patch, 1, lambda: end(clerk))
        said = press(file, "pay", reason="Letter")
        response = staff.post(f"{BASE}{file.pk}/step/", said)
    assert "2 of 5 lines" in text_of(response)
    assert fates(file) == ["booked"] * 2 + ["waiting"] * 3

    other = Client()
    other.force_login(colleague(OPERATIONS, "Another clerk"))
    pay_at_the_desk(other, file, "pay")
    assert balances(mara) == [5]


@pytest.mark.parametrize("whole", [True, False])
def test_the_api_books_nothing_if_access_ends_before_its_transaction(
    ana: Client, everyday: Account, mara: Account, monkeypatch: pytest.MonkeyPatch, *, whole: bool
) -> None:
    file = checked(everyday, pay(mara, 1), pay(mara, 1))
    real = services.post_together

    def closed_before(*args: Any) -> None:
        set_sign_in(user=everyday.user.pk, is_open=False)
        real(*args)

    monkeypatch.setattr(booking, "post_together", closed_before)
    given = {"agreed": agreed_to(file), "whole": whole}
    answer = post(ana, f"/api/v1/payment-files/{file.pk}/pay/", given)
    assert (answer.status_code, slug(answer)) == (422, "session-ended")
    assert (fates(file), balances(mara)) == (["waiting"] * 2, [0])

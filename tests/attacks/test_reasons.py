"""A reason must contain visible text, and not only invisible or blank characters."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils import timezone

from accounts.admin.parts import ReasonField
from accounts.models import Account, Change
from tests.attacks.approvals import limits_form, limits_page
from tests.attacks.bank import AttackedBank
from tests.conftest import signed_in
from transactions.models import Transaction

pytestmark = pytest.mark.django_db
NOTHING = ["\u200b", "\u00ad", "\U000e0041", "\u2800", "\u3164", "\ufeff \u202e", ".", "-"]
READABLE = "Asked by letter"


@pytest.mark.parametrize("reason", NOTHING)
def test_staff_change_nothing_without_a_reason_that_can_be_read(
    reason: str, bank_of_the_module: AttackedBank
) -> None:
    bank = bank_of_the_module
    account, browser, changes = bank.ana.everyday, signed_in(bank.clerk), Change.objects.count()
    freeze = reverse("admin:accounts_account_freeze", args=[account.pk])
    renamed = limits_form(account, name="Other")
    change = limits_page(account)

    answer = browser.post(freeze, {"reason": reason})
    assert list(answer.context["form"].errors) == ["reason"]
    answer = browser.post(change, {**renamed, "reason": reason})
    assert list(answer.context["adminform"].form.errors) == ["reason"]
    assert Account.objects.get(pk=account.pk).status == Account.Status.ACTIVE
    assert Change.objects.count() == changes

    assert browser.post(change, {**renamed, "reason": READABLE}).status_code == 302
    assert browser.post(freeze, {"reason": READABLE}).status_code == 302
    stored = Account.objects.get(pk=account.pk)
    assert (stored.name, stored.status) == ("Other", Account.Status.FROZEN)


@pytest.mark.parametrize("reason", NOTHING)
def test_the_api_takes_no_reason_that_cannot_be_read(
    reason: str, bank_of_the_module: AttackedBank
) -> None:
    bank, before = bank_of_the_module, Transaction.objects.count()
    hold: dict[str, Any] = {
        "from_number": bank.ana.everyday.number, "amount": "1", "description": "Hotel",
        "until": str(timezone.localdate() + timedelta(days=1)), "reason": reason,
    }  # fmt: skip
    held = bank.ana.transactions["held"]
    calls = (("holds/", hold), (f"{held.pk}/void/", {"reason": reason}))

    def send(path: str, body: dict[str, Any]) -> Any:
        return signed_in(bank.clerk).post(
            f"/api/v1/transactions/{path}", body, "application/json",
            headers={"Idempotency-Key": "one"},
        )  # fmt: skip

    for path, body in calls:
        answer = send(path, body)
        assert answer.status_code == 400
        assert [error["field"] for error in answer.json()["errors"]] == ["reason"]
    assert Transaction.objects.count() == before
    held.refresh_from_db()
    assert held.status == Transaction.Status.PENDING
    for path, body in calls:
        assert send(path, {**body, "reason": READABLE}).status_code < 300


def test_a_long_reason_is_refused_before_it_is_tidied() -> None:
    assert ReasonField().clean(f"Lost{' ' * 500}card") == "Lost card"
    with pytest.raises(ValidationError):
        ReasonField().clean(f"Lost{' ' * 1_000_000}card")

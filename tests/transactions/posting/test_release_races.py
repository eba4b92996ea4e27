"""A release that meets another end of its hold answers by what happened."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from django.db import connections
from django.db import transaction as db_transaction

from tests.factories import AccountFactory, UserFactory, balances
from tests.transactions.posting.shared import wait_for_whoever_waits
from transactions import staff_services
from transactions.audit.audit import audit
from transactions.exceptions import HoldNotPending
from transactions.models import StaffReason, Transaction
from transactions.posting import engine
from transactions.posting.drafts import Draft, prepare
from transactions.staff_services import explain

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    ("end", "sentence"), [("capture", "captured before"), ("release", "released before")]
)
def test_a_release_waits_for_the_other_end_and_is_told_of_it(end: str, sentence: str) -> None:
    account = AccountFactory(balance="100")
    sides: dict[str, Any] = {"from_account": account, "amount": Decimal(30)}
    hold = posting_of(Draft(pending=True, **sides))

    def by_hand(row: Transaction) -> None:
        explain([row], action=StaffReason.Action.RELEASE, reason="No", written_by=UserFactory())

    def release() -> str:
        try:
            staff_services.release(hold=hold, reason="Cancelled", written_by=account.user)
        except HoldNotPending as refusal:
            return str(refusal)
        finally:
            connections.close_all()
        return "released"

    with ThreadPoolExecutor(1) as pool:
        with db_transaction.atomic():
            if end == "capture":
                engine.post_one(prepare(Draft(captures=hold, **sides)))
            else:
                engine.release(hold, explain=by_hand)
            releasing = pool.submit(release)
            wait_for_whoever_waits(releasing)
        assert sentence in releasing.result(timeout=60)
    hold.refresh_from_db()
    assert hold.status == ("captured" if end == "capture" else "voided")
    assert balances(account) == [70 if end == "capture" else 100]
    assert not StaffReason.objects.filter(written_by=account.user).exists()
    assert audit().clean


def posting_of(draft: Draft) -> Transaction:
    with db_transaction.atomic():
        row = engine.post_one(prepare(draft))
    assert isinstance(row, Transaction)
    return row

"""A statement of any length is stored, matched, shown and signed in the same memory."""

import tracemalloc
from collections.abc import Callable
from functools import partial
from io import BytesIO

import pytest
from django.test import Client
from django.urls import reverse

from banking.reconciliation import services
from tests.banking.reconciliation.files import HEAD, sign, today
from tests.factories import AccountFactory, UserFactory
from transactions import services as posting

pytestmark = pytest.mark.django_db(transaction=True)
KIB = 1024


def peaks(staff: Client, count: int) -> dict[str, int]:
    """The most memory that Python held in each step, in KiB."""
    clerks = [UserFactory() for _ in range(2)]
    account = AccountFactory()
    drafts = [posting.Draft(to_account=account, amount=n + 1) for n in range(count)]
    posting.post_batch(drafts)
    body = HEAD + "".join(f"{today()},{n + 1}.00,Name {n},,REF{n}\n" for n in range(count))
    source = BytesIO(body.encode())
    found = {}

    def step(called: str, function: Callable[[], object]) -> object:
        tracemalloc.start()
        result = function()
        found[called] = tracemalloc.get_traced_memory()[1] // KIB
        tracemalloc.stop()
        return result

    facts = {"by": clerks[0], "name": "a", "currency": account.currency, "account": account}
    whose = step("upload", lambda: services.upload(source, **facts))  # type: ignore[arg-type]
    page = reverse("admin:reconciliation_reconciliation_change", args=[whose.pk])  # type: ignore[attr-defined]
    step("open page", lambda: staff.get(page).status_code)
    matched = step(
        "sure",
        lambda: services.match_sure(reconciliation=whose, by=clerks[0]),  # type: ignore[arg-type]
    )
    assert matched == count
    step("matched page", lambda: staff.get(page).status_code)
    for clerk in clerks:
        step("sign", partial(sign, whose, clerk))  # type: ignore[arg-type]
    return found


@pytest.mark.own_session  # behind a pooler all rows come at once: docs/databases.md
def test_twice_the_lines_take_no_more_memory(
    staff: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "PART", 50)
    peaks(staff, 100)  # what is imported and compiled on the way
    few, many = (peaks(staff, count) for count in (6000, 12_000))
    grown = {step: many[step] - few[step] for step in few}
    # Buffers are full from 5,000 lines on. A list of 6,000 lines: over 3,000 KiB.
    assert max(grown.values()) < 400, (few, many)

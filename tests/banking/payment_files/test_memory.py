"""A file of any length is stored, checked, booked in steps and handed out in the same memory."""

import tracemalloc
from collections.abc import Callable

import pytest

from accounts.models import Account
from banking.payment_files import drafts, results, storage
from banking.payment_files.booking import book_rest
from banking.payment_files.models import PaymentFile
from banking.payment_files.preview import check
from banking.payment_files.results import result_lines
from banking.payment_files.storage import store
from tests.banking.payment_files.files import csv_of, pay
from tests.factories import AccountFactory

pytestmark = pytest.mark.django_db(transaction=True)
KIB = 1024


@pytest.fixture
def paid() -> list[Account]:
    return [AccountFactory() for _ in range(5)]


@pytest.fixture
def sender(monkeypatch: pytest.MonkeyPatch) -> Account:
    for module in (storage, drafts, results):
        monkeypatch.setattr(module, "PART", 50)
    return AccountFactory(balance="1000000")


def peaks(sender: Account, paid: list[Account], count: int, amount: str) -> dict[str, int]:
    """The most memory that Python held in each step, in KiB."""
    source = csv_of(*[pay(paid[n % 5], amount, f"Salary {n}") for n in range(count)])
    files: list[PaymentFile] = []
    steps: dict[str, Callable[[], object]] = {
        "store": lambda: files.append(store(source, name="a.csv", from_account=sender)),
        "check": lambda: check(files[-1]),
        "steps": lambda: book_rest(files[-1]),
        "result": lambda: sum(len(line) for line in result_lines(files[-1])),
    }
    found = {}
    for name, step in steps.items():
        tracemalloc.start()
        step()
        found[name] = tracemalloc.get_traced_memory()[1] // KIB
        tracemalloc.stop()
    return found


@pytest.mark.own_session  # behind a pooler all rows come at once: docs/databases.md
@pytest.mark.parametrize("amount", ["1.00", "2000000.00"], ids=["all good", "all refused"])
def test_ten_times_the_lines_take_no_more_memory(
    sender: Account, paid: list[Account], amount: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("banking.payment_files.preview.IN_MEMORY", 10 * KIB)
    peaks(sender, paid, 100, amount)  # what is imported and compiled on the way
    few, many, again = (peaks(sender, paid, count, amount) for count in (150, 1500, 1500))
    # The lesser of two: a cache that was filled in one of them did not grow with the lines.
    grown = {name: min(many[name], again[name]) - few[name] for name in few}
    # A list of 1,500 transactions would take over 2,000 KiB.
    assert max(grown.values()) < 300, (few, many, again)

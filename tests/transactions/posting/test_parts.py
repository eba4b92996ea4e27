"""Parts are booked once, whatever becomes of the COMMIT: every draft bears its id beforehand."""

import pytest

from accounts.models import Account
from ledger.db.ids import uuid7
from tests.factories import AccountFactory, balances
from tests.transactions.posting.shared import lose_next_answer
from transactions import services
from transactions.audit.audit import audit
from transactions.exceptions import InvalidDetails
from transactions.models import Transaction
from transactions.services import Draft

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def account() -> Account:
    account: Account = AccountFactory(balance="100")
    return account


def test_a_lost_commit_books_the_parts_once(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = Draft(id=uuid7(), from_account=account, amount=30)
    lost = lose_next_answer(monkeypatch)
    services.post_parts(lambda: [[draft]], lambda _part, _results: None)
    assert lost
    assert balances(account) == [70]
    assert audit().clean


def test_a_draft_without_an_id_is_refused_and_nothing_of_any_part_is_booked(
    account: Account,
) -> None:
    good, without = (
        Draft(id=uuid7(), from_account=account, amount=1),
        Draft(from_account=account, amount=30),
    )
    recorded = list[object]()
    with pytest.raises(InvalidDetails, match="id of its own"):
        services.post_parts(
            lambda: [[good], [good, without]], lambda _part, results: recorded.append(results)
        )
    assert len(recorded) == 1
    assert not Transaction.objects.filter(from_account=account).exists()
    assert balances(account) == [100]


def test_a_preview_needs_no_ids(account: Account) -> None:
    seen = list[object]()
    parts = [[Draft(from_account=account, amount=30)]]
    services.preview_parts(lambda: parts, lambda _part, results: seen.extend(results))
    assert [type(result) for result in seen] == [Transaction]
    assert balances(account) == [100]

"""For tests that send a form straight to its booking, and a demo bank in the books."""

from collections.abc import Callable

import pytest
from django.http import HttpRequest

from tests.transactions.demo.bank import NOON
from transactions.demo import seeding
from transactions.demo.seeding import SeedingCounts
from transactions.safeguards import review


@pytest.fixture(autouse=True)
def review_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A form without a token counts as reviewed, one with a wrong token does not.

    tests/attacks, tests/browser and tests/transactions/transfers take the token of a real review.
    """
    really: Callable[..., bool] = review.was_reviewed

    def was_reviewed(request: HttpRequest, about: str, facts: review.Facts) -> bool:
        return review.FIELD not in request.POST or really(request, about, facts)

    monkeypatch.setattr(review, "was_reviewed", was_reviewed)


@pytest.fixture
def demo(db: None) -> SeedingCounts:
    return seeding.seed(users=24, months=2, seed=7, now=NOON)

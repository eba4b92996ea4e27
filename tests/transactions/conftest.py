"""Forms without a review, a demo bank in the books, and two people with a few known payments."""

from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpRequest
from django.test import Client

from accounts.models import Account, User
from tests.factories import AccountFactory
from tests.transactions.demo.bank import NOON
from tests.transactions.search.shared import booked, pay
from transactions.demo import seeding
from transactions.demo.seeding import SeedingCounts
from transactions.models import Transaction
from transactions.safeguards import review
from transactions.scope import Scope, scope_for


@pytest.fixture(autouse=True)
def review_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A form without a token counts as reviewed, one with a wrong token does not.

    Other tests, such as tests/transactions/safeguards, take the token of a real review.
    """
    really: Callable[..., bool] = review.was_reviewed

    def was_reviewed(request: HttpRequest, about: str, facts: review.Facts) -> bool:
        return review.FIELD not in request.POST or really(request, about, facts)

    monkeypatch.setattr(review, "was_reviewed", was_reviewed)


@pytest.fixture
def demo(db: None) -> SeedingCounts:
    return seeding.seed(users=24, months=2, seed=7, now=NOON)


@pytest.fixture
def ana(db: Any) -> User:
    everyday = AccountFactory(name="Everyday", user__name="Ana Ferreira")
    AccountFactory(name="Holiday pot", user=everyday.user)
    user: User = everyday.user
    return user


@pytest.fixture
def mara(db: Any) -> Account:
    account: Account = AccountFactory(name="Flat", user__name="Mara Lindt")
    return account


@pytest.fixture
def books(ana: User, mara: Account) -> dict[str, Transaction]:
    """Ana's seven rows, by day: 1 pay in, 2 rent, 3 groceries by card, 4 lunch in Porto by card,
    5 to her holiday pot, 6 Mara sends something back, 7 a fee. The others are strangers'."""
    everyday, pot = scope_for(ana).accounts
    stranger = AccountFactory(user__name="Zelenka Stranger")
    card = {"channel": "card", "category": "groceries", "merchant": {"city": "Braga"}}
    lunch = {"channel": "card", "category": "eating out", "merchant": {"city": "Porto"}}
    drafts = {
        "hers": pay(0, "50", "Opening", to=mara),
        "theirs": pay(0, "90", "Opening", to=stranger),
        "salary": pay(1, "1000", "Salary March", to=everyday, metadata={"category": "salary"}),
        "rent": pay(2, "400", "Rent March", everyday, mara, reference="INV-7",
                    metadata={"category": "rent", "channel": "transfer"}),
        "groceries": pay(3, "13.40", "Corner shop", everyday, metadata=card),
        "lunch": pay(4, "20", "Casa Pinho", everyday,
                     metadata={**lunch, "fx": {"rate": 1.25}, "tags": ["a"], "paid": True}),
        "saved": pay(5, "100", "Put aside", everyday, pot, metadata={"fx": {"rate": "none"}}),
        "back": pay(6, "5", "Rental deposit", mara, everyday),
        "fee": pay(7, "2", "Fee <b>&amp;</b>", everyday,
                   metadata={"merchant": {"name": "Hare and Hound"}}),
        "secret": pay(8, "7", "Secretword rent", stranger, mara,
                      metadata={"category": "secretcategory", "channel": "secretchannel"}),
    }  # fmt: skip
    return dict(zip(drafts, booked(*drafts.values()), strict=True))


@pytest.fixture
def scope(ana: User) -> Scope:
    return scope_for(ana)


@pytest.fixture
def customer(client: Client, ana: User) -> Client:
    client.force_login(ana)
    return client

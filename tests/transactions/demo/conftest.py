"""A demo bank in the books."""

import pytest

from tests.transactions.demo.bank import NOON
from transactions.demo import seeding
from transactions.demo.seeding import SeedingCounts


@pytest.fixture
def demo(db: None) -> SeedingCounts:
    return seeding.seed(users=24, months=2, seed=7, now=NOON)

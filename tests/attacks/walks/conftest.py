"""One bank for all walks, and the pages that each kind of reader sees, read once.

All tests of this folder see the same rows and roll back their changes.
"""

from collections.abc import Iterator
from copy import deepcopy

import pytest
from django.test import Client
from pytest_django import DjangoDbBlocker

from tests.attacks.answers import Answer, watched
from tests.attacks.bank import AttackedBank
from tests.attacks.walks.checks import wrong_with
from tests.attacks.walks.site import Visits, WalkedSite
from tests.kept import rolled_back_at_the_end


@pytest.fixture(scope="package")
def site(
    django_db_setup: None, practice_bank: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[WalkedSite]:
    with rolled_back_at_the_end(django_db_blocker):
        yield WalkedSite()


@pytest.fixture
def bank(site: WalkedSite, db: None) -> AttackedBank:
    return deepcopy(site.bank)


@pytest.fixture
def readers(site: WalkedSite, db: None) -> dict[str, Client]:
    """A new session of each kind of reader."""
    return {kind: site.client(kind) for kind in site.people}


@pytest.fixture
def visits(site: WalkedSite, db: None) -> Visits:
    return site.visits


@pytest.fixture(params=["visits", "linked_visits"])
def all_visits(request: pytest.FixtureRequest, site: WalkedSite, db: None) -> Visits:
    """Pages, and in another case also pages with parameters."""
    found: Visits = getattr(site, request.param)
    return found


@pytest.fixture(params=["visits", "linked_visits", "form_visits"])
def all_answers(request: pytest.FixtureRequest, site: WalkedSite, db: None) -> Visits:
    """Pages, pages with parameters, and the pages after a form."""
    found: Visits = getattr(site, request.param)
    return found


@pytest.fixture(autouse=True)
def every_answer_is_checked(site: WalkedSite, no_lines_of_refused_requests: None) -> Iterator[None]:
    """Checks that no response in a test has a hole of `checks.py`."""
    wrong: list[str] = []

    def check(asked: str, answer: Answer) -> None:
        wrong.extend(f"{asked}: {hole}" for hole in wrong_with(asked, answer))

    with watched(check):
        yield
    assert wrong == []

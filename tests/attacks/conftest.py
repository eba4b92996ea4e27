"""The bank of the attacks, and people of each kind who walk through it."""

import logging

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client

from accounts.models import User
from tests.attacks.bank import AttackedBank, attacked_bank
from tests.sign_in import prove, prove_factor
from tests.transactions.reports.books import analyst


@pytest.fixture(autouse=True)
def no_lines_of_refused_requests(caplog: pytest.LogCaptureFixture) -> None:
    """A walk is refused some thousand times, and each time Django logs a warning."""
    caplog.set_level(logging.ERROR, logger="django.request")


@pytest.fixture
def bank(db: None) -> AttackedBank:
    return attacked_bank()


def signed_in(user: User) -> Client:
    """A client of somebody who has just proved who they are: no page asks them again."""
    client = Client()
    client.force_login(user)
    prove(client, user)
    factor = Authenticator.objects.filter(user=user).first()
    if factor is not None:
        prove_factor(client, factor)
    return client


@pytest.fixture
def readers(bank: AttackedBank) -> dict[str, Client]:
    """A client of each kind of reader: Eve is the customer."""
    people = {
        "customer": bank.eve.user,
        "analyst": analyst(),
        "staff": bank.clerk,
        "superuser": User.objects.create_superuser("root@example.com", name="Root"),
    }
    return {kind: signed_in(user) for kind, user in people.items()}

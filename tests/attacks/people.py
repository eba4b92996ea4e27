"""Clients of each kind of reader, signed in, and attempts whose writes are undone."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.cookies import SimpleCookie

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib.auth import get_user
from django.db import transaction as db_transaction
from django.http import HttpRequest
from django.test import Client

from accounts.models import User
from tests.attacks.bank import AttackedBank
from tests.factories import PASSWORD
from tests.sign_in import prove, prove_factor
from tests.transactions.reports.books import analyst


def signed_in(user: User) -> Client:
    """Returns a client whose user has just confirmed their identity, so that no page requires it
    again.

    Reads the user again, because a session for an outdated user object is refused.
    """
    user = User.objects.get(pk=user.pk)
    client = Client()
    client.force_login(user)
    prove(client, user)
    factor = Authenticator.objects.filter(user=user).first()
    if factor is not None:
        prove_factor(client, factor)
    return client


def is_alive(client: Client) -> bool:
    """Returns whether the client is still signed in."""
    request = HttpRequest()
    request.session = client.session
    return bool(get_user(request).is_authenticated)


@contextmanager
def attempt(user: User) -> Iterator[Client]:
    """Yields a client with a new session of the person. The writes of the `with` block are
    undone.
    """
    with rolled_back():
        client = signed_in(user)
        assert client.get("/accounts/").status_code == 200, "the session is dead: nothing is tried"
        yield client


@contextmanager
def attempt_of(client: Client) -> Iterator[Client]:
    """Yields a client with the same cookies. The writes of the `with` block are undone."""
    sender = Client()
    sender.handler = client.handler  # with its middleware, which is slow to load
    sender.cookies = SimpleCookie({name: it.value for name, it in client.cookies.items()})
    with rolled_back():
        yield sender


@contextmanager
def rolled_back() -> Iterator[None]:
    """Undoes the writes of the `with` block. Services may open transactions inside."""
    block = db_transaction.atomic()
    block._from_testcase = True  # type: ignore[attr-defined]
    with block:
        yield
        db_transaction.set_rollback(True)


def people_of(bank: AttackedBank) -> dict[str, User]:
    """Returns a person of each kind of reader. Eve is the customer."""
    root = User.objects.create_superuser("root@example.com", name="Root")
    root.set_password(PASSWORD)
    root.save()
    people = {
        "customer": bank.eve.user,
        "analyst": analyst(),
        "staff": bank.clerk,
        "superuser": root,
    }
    for user in people.values():
        add_address(user)
    return people


def add_address(user: User) -> None:
    """Stores the person's address as verified, as allauth does when the person opens the page of
    addresses.
    """
    EmailAddress.objects.get_or_create(
        user=user, email=user.email, defaults={"primary": True, "verified": True}
    )


def readers_of(bank: AttackedBank) -> dict[str, Client]:
    """Returns a signed-in client of each kind of reader."""
    return {kind: signed_in(user) for kind, user in people_of(bank).items()}

"""Clients of each kind of reader, signed in, and attempts that leave nothing behind."""

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
    """A client of somebody who has just proved who they are: no page asks them again.

    The person is read again, since a session made from an older state of theirs is refused.
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
    """Whether the next request of this client is one of a person who is signed in."""
    request = HttpRequest()
    request.session = client.session
    return bool(get_user(request).is_authenticated)


@contextmanager
def attempt(user: User) -> Iterator[Client]:
    """A new session of the person, in which the site answers; the block's writes are undone."""
    with rolled_back():
        client = signed_in(user)
        assert client.get("/accounts/").status_code == 200, "the session is dead: nothing is tried"
        yield client


@contextmanager
def attempt_of(client: Client) -> Iterator[Client]:
    """A client with the same cookies, whose writes are undone."""
    sender = Client()
    sender.handler = client.handler  # its middleware, which takes a twelfth of the time to load
    sender.cookies = SimpleCookie({name: it.value for name, it in client.cookies.items()})
    with rolled_back():
        yield sender


@contextmanager
def rolled_back() -> Iterator[None]:
    """Undoes what the block writes. Services may open their own transactions inside."""
    block = db_transaction.atomic()
    block._from_testcase = True  # type: ignore[attr-defined]
    with block:
        yield
        db_transaction.set_rollback(True)


def people_of(bank: AttackedBank) -> dict[str, User]:
    """A person of each kind of reader: Eve is the customer."""
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
    """Notes the person's address as verified: allauth does it when they open the page of them."""
    EmailAddress.objects.get_or_create(
        user=user, email=user.email, defaults={"primary": True, "verified": True}
    )


def readers_of(bank: AttackedBank) -> dict[str, Client]:
    """A client of each kind of reader, signed in."""
    return {kind: signed_in(user) for kind, user in people_of(bank).items()}

"""Clients of each kind of reader, signed in."""

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.test import Client

from accounts.models import User
from tests.attacks.bank import AttackedBank
from tests.factories import PASSWORD
from tests.sign_in import prove, prove_factor
from tests.transactions.reports.books import analyst


def signed_in(user: User) -> Client:
    """A client of somebody who has just proved who they are: no page asks them again."""
    client = Client()
    client.force_login(user)
    prove(client, user)
    factor = Authenticator.objects.filter(user=user).first()
    if factor is not None:
        prove_factor(client, factor)
    return client


def readers_of(bank: AttackedBank) -> dict[str, Client]:
    """A client of each kind of reader: Eve is the customer."""
    root = User.objects.create_superuser("root@example.com", name="Root")
    root.set_password(PASSWORD)
    root.save()
    people = {
        "customer": bank.eve.user,
        "analyst": analyst(),
        "staff": bank.clerk,
        "superuser": root,
    }
    for user in people.values():  # otherwise allauth adds it when they open the page of addresses
        EmailAddress.objects.get_or_create(
            user=user, email=user.email, defaults={"primary": True, "verified": True}
        )
    return {kind: signed_in(user) for kind, user in people.items()}

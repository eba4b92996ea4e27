"""The mock identity provider for a test client: a client goes to the provider, chooses a person,
and comes back.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.test import Client

from accounts.models import User
from ledger.server.mock_provider.people import MockPerson
from ledger.server.mock_provider.provider import MockProvider
from ledger.server.mock_provider.server import MockServer
from ledger.settings.provider import ProviderSettings
from tests.factories import PASSWORD, UserFactory

GO, BACK, CONNECTIONS = (
    "/account/providers/oidc/",
    "/account/providers/oidc/callback/",
    "/account/providers/",
)
NINA = MockPerson("sub-nina", "Nina Novak", "nina@example.com")
ANA = MockPerson("sub-ana", "Ana Ferreira", "ana@example.com")
UNSURE = MockPerson("sub-unsure", "Uma Unsure", "uma@example.com", email_verified=False)
NAMELESS = MockPerson("sub-nameless", "", "nameless@example.com")
CLERK = MockPerson("sub-clerk", "Cleo Clerk", "cleo@example.com", groups=("bank-clerks", "chess"))
PEOPLE = (NINA, ANA, UNSURE, NAMELESS, CLERK)


@dataclass
class There:
    """The mock provider, and the steps of a sign-in with it."""

    provider: MockProvider
    settings: Any

    def configure(self, **changes: Any) -> None:
        """Changes the settings of the provider."""
        self.settings.LEDGER_PROVIDER = replace(self.settings.LEDGER_PROVIDER, **changes)

    def know(self, person: MockPerson) -> None:
        """Replaces the data of a person at the provider."""
        self.provider.people[person.subject] = person

    def go(self, client: Client, **query: str) -> dict[str, str]:
        """Presses the button, and returns the parameters that the browser sends to the provider."""
        return self.asked_by(client.post(GO, query_params=query))

    def asked_by(self, response: Any) -> dict[str, str]:
        """Returns the parameters that the browser sends to the provider, from a redirect."""
        assert response.status_code == 302, response.content
        assert response["Location"].startswith(self.provider.issuer)
        return dict(parse_qsl(urlsplit(response["Location"]).query))

    def brought_back(self, address: str) -> dict[str, str]:
        """Returns the parameters that the browser brings back to an address of this site."""
        return dict(parse_qsl(urlsplit(address).query))

    def answer(self, asked: dict[str, str], person: MockPerson, fault: str = "") -> dict[str, str]:
        """Signs in at the provider, and returns the parameters that the browser brings back."""
        return self.brought_back(self.provider.authorize(asked, person.subject, fault))

    def sign_in(self, client: Client, person: MockPerson, fault: str = "", **query: str) -> Any:
        """Runs the whole sign-in. Returns the response of this site at its end."""
        answer = self.answer(self.go(client, **query), person, fault)
        return client.get(BACK, answer)


@pytest.fixture(scope="session")
def mock_server() -> Iterator[MockServer]:
    with MockServer(0, "ledger-test", "client-secret", PEOPLE) as server:
        yield server


@pytest.fixture
def there(mock_server: MockServer, settings: Any) -> There:
    """A configured provider that knows PEOPLE and has no fault."""
    provider = mock_server.provider
    provider.fault, provider.people = "", {person.subject: person for person in PEOPLE}
    provider.sessions.clear()
    settings.LEDGER_PROVIDER = ProviderSettings(
        name="Cloud Sign-in",
        issuer=provider.issuer,
        client_id=provider.client_id,
        client_secret=provider.client_secret,
        groups={"bank-clerks": "operations", "bank-analysts": "analysts"},
    )
    return There(provider, settings)


def person_here(person: MockPerson, *, verified: bool = True, **more: Any) -> User:
    """Returns a new user of this site who has a password and the address of a person at the
    provider.
    """
    user: User = UserFactory(**{"email": person.email, "password": PASSWORD, **more})
    EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=verified)
    return user


def connect(there: There, client: Client, user: User, person: MockPerson) -> Any:
    """Signs in by password, confirms the password again, and connects the user to the provider. The
    client stays signed in.
    """
    client.force_login(user)
    client.post("/account/reauthenticate/", {"password": PASSWORD})
    return there.sign_in(client, person, process="connect")


def connected(user: User) -> int:
    return int(SocialAccount.objects.filter(user=user).count())


def is_signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session

"""A second factor here is asked after the provider too, unless the settings trust its own."""

from dataclasses import replace

import pytest
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.conf import LazySettings
from django.core.cache import cache
from django.http import HttpRequest
from django.test import Client

from accounts.models import User
from accounts.sign_in.providers.second_factor import PROVED_KEY, proved_at_provider
from tests.factories import UserFactory
from tests.identity_provider import ANA, There, connect, is_signed_in, person_here

pytestmark = pytest.mark.django_db


@pytest.fixture
def ana(client: Client, there: There) -> User:
    cache.clear()
    user = person_here(ANA)
    connect(there, client, user, ANA)
    TOTP.activate(user, generate_totp_secret())
    return user


@pytest.mark.parametrize(
    ("trusted", "factors", "more", "is_asked"),
    [
        (set(), ("pwd", "mfa"), {}, True),
        ({"mfa"}, ("pwd",), {}, True),
        ({"mfa"}, ("pwd", "mfa"), {}, False),
        ({"gold"}, ("pwd",), {"acr": "gold"}, False),
        ({"gold"}, ("pwd",), {"acr": "silver"}, True),
    ],
)
def test_our_second_factor_is_asked(
    ana: User,
    there: There,
    trusted: set[str],
    factors: tuple[str, ...],
    more: dict[str, str],
    is_asked: bool,
) -> None:
    there.configure(second_factor=frozenset(trusted))
    there.know(replace(ANA, factors=factors, more=more))
    visitor = Client()
    response = there.sign_in(visitor, ANA)
    assert (response["Location"] == "/account/2fa/authenticate/") == is_asked
    assert is_signed_in(visitor) != is_asked


@pytest.mark.parametrize(("factors", "status"), [(("pwd",), 302), (("pwd", "mfa"), 200)])
def test_staff_get_in_by_the_second_factor_of_a_trusted_provider(
    client: Client,
    there: There,
    settings: LazySettings,
    factors: tuple[str, ...],
    status: int,
) -> None:
    cache.clear()
    settings.LEDGER_STAFF_SECOND_FACTOR = True
    clerk = person_here(ANA)
    connect(there, client, clerk, ANA)
    User.objects.filter(pk=clerk.pk).update(is_staff=True)
    there.configure(second_factor=frozenset({"mfa"}))
    there.know(replace(ANA, factors=factors))
    visitor = Client()
    there.sign_in(visitor, ANA)
    assert is_signed_in(visitor)
    assert visitor.get("/admin/").status_code == status


def test_what_the_provider_proved_of_one_person_counts_for_nobody_else(client: Client) -> None:
    ana, ben = UserFactory(), UserFactory()
    request = HttpRequest()
    request.session = client.session
    request.session[PROVED_KEY] = str(ana.pk)
    for user, is_proved in ((ana, True), (ben, False)):
        request.user = user
        assert proved_at_provider(request) is is_proved

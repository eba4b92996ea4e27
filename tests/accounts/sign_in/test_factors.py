"""What a person and a session have proved."""

import pytest
from allauth.account.models import EmailAddress
from django.test import Client, RequestFactory

from accounts.models import User
from accounts.sign_in.factors import (
    factors_of,
    has_second_factor,
    must_confirm_address,
    signed_in_with_second_factor,
)
from accounts.sign_in.recovery_codes import use_recovery_code
from tests.factories import PASSWORD, UserFactory
from tests.sign_in import add_app, add_recovery_codes, prove, prove_factor

pytestmark = pytest.mark.django_db


def has_proved(client: Client, user: User) -> bool:
    request = RequestFactory().get("/")
    request.session = client.session
    request.user = user
    return signed_in_with_second_factor(request)


def test_an_app_is_a_second_factor_and_recovery_codes_alone_are_not() -> None:
    user, other = UserFactory(), UserFactory()
    add_recovery_codes(user)
    assert not has_second_factor(user)
    add_app(user)
    assert has_second_factor(user)
    assert not has_second_factor(other)


def test_a_session_has_a_second_factor_only_after_using_it(client: Client) -> None:
    user = UserFactory()
    app = add_app(user)
    client.force_login(user)
    prove(client, user)
    assert not has_proved(client, user)
    prove_factor(client, app)
    assert has_proved(client, user)


def test_a_factor_that_was_removed_counts_no_more(client: Client) -> None:
    user = UserFactory()
    app = add_app(user)
    client.force_login(user)
    prove_factor(client, app)
    assert has_proved(client, user)
    app.delete()
    add_app(user)
    assert not has_proved(client, user)


def test_the_factor_of_another_person_does_not_count(client: Client) -> None:
    user, other = UserFactory(), UserFactory()
    add_app(user)
    client.force_login(user)
    prove(client, user, method="mfa", id=add_app(other).pk)
    assert not has_proved(client, user)


def test_factors_count_the_unused_recovery_codes() -> None:
    user = UserFactory(password=PASSWORD)
    add_app(user)
    codes = add_recovery_codes(user)
    assert use_recovery_code(user=user, code=codes[1])

    factors = factors_of(user)
    assert (factors.recovery_codes, factors.has_password, factors.has_second) == (2, True, True)


@pytest.mark.parametrize(("verified", "is_staff", "must"), [(0, 0, 1), (1, 0, 0), (0, 1, 0)])
def test_an_unconfirmed_address_comes_before_a_factor(
    verified: int, is_staff: int, must: int
) -> None:
    user = UserFactory(is_staff=bool(is_staff))
    EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=bool(verified))
    assert must_confirm_address(user) == bool(must)

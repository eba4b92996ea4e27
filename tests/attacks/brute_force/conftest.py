"""Ana, at whom everybody guesses."""

import pytest
from allauth.account.models import EmailAddress

from accounts.models import User
from tests.attacks.brute_force.guessing import ANA, PASSWORD
from tests.factories import UserFactory


@pytest.fixture
def ana(db: None) -> User:
    user: User = UserFactory(email=ANA, password=PASSWORD)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user

"""Ana, whose password and codes the tests guess."""

import pytest

from accounts.models import User
from tests.attacks.brute_force.guessing import ANA, PASSWORD
from tests.factories import UserFactory
from tests.sign_in import verify_address


@pytest.fixture
def ana(db: None) -> User:
    user: User = UserFactory(email=ANA, password=PASSWORD)
    verify_address(user)
    return user

"""An analyst, who may answer exercises."""

import pytest
from django.contrib.auth.models import Group

from accounts.groups import ANALYSTS
from accounts.models import User
from tests.factories import UserFactory


@pytest.fixture
def analyst(db: None) -> User:
    person: User = UserFactory(name="Analyst")
    person.groups.add(Group.objects.get(name=ANALYSTS))
    return person

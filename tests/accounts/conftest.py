"""Who works in the admin."""

import pytest
from django.test import Client

from accounts.groups import STAFF, ensure_groups
from accounts.models import User
from tests.factories import UserFactory


@pytest.fixture
def clerk() -> User:
    clerk: User = UserFactory(is_staff=True, name="Clerk")
    clerk.groups.add(ensure_groups()[STAFF])
    return clerk


@pytest.fixture
def staff(client: Client, clerk: User) -> Client:
    client.force_login(clerk)
    return client


@pytest.fixture
def root() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root@example.com", name="Root"))
    return client

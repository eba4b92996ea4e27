"""A stranger who requests mails for another person changes nothing about this person's next
sign-in.
"""

import pytest
from django.core.cache import cache
from django.test import Client

from accounts.models import User
from tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db
FORMS = {
    "/account/login/code/": {"email": "ana@example.com"},
    "/account/password/reset/": {"email": "ana@example.com"},
    "/account/signup/": {
        "name": "Eve", "email": "ana@example.com",
        "password1": "seven-quiet-harbours", "password2": "seven-quiet-harbours",
    },
    "/account/signup/passkey/": {"name": "Eve", "email": "ana@example.com"},
}  # fmt: skip


@pytest.mark.parametrize("was_here", [False, True])
@pytest.mark.parametrize("url", FORMS)
def test_the_owner_of_an_address_that_came_from_the_bank_signs_in_by_password_as_before(
    url: str, was_here: bool
) -> None:
    cache.clear()
    ana: User = UserFactory(email="ana@example.com", password=PASSWORD)
    if was_here:
        User.objects.filter(pk=ana.pk).update(last_login=ana.created_at)
    Client(REMOTE_ADDR="203.0.113.9").post(url, FORMS[url])
    owner = Client()
    owner.post("/account/login/", {"login": ana.email, "password": PASSWORD})
    assert owner.get("/").status_code == 200

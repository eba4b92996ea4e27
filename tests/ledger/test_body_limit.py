"""A body that is too large is refused before anything of it is read."""

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from accounts.services import deactivate_user
from banking.payment_files.parser import MAX_BYTES
from ledger.db.ids import uuid7
from ledger.web.uploads import max_body_bytes, max_file_bytes
from tests.attacks.walk import patterns
from tests.factories import UserFactory
from tests.uploads import READ_AGAIN, UPLOADS

pytestmark = pytest.mark.django_db
MOST = 2_621_440  # DATA_UPLOAD_MAX_MEMORY_SIZE, in bytes


def post(client: Client, path: str, announced: int) -> int:
    """The status of a POST that announces so many bytes and sends a few."""
    return client.generic("POST", path, b"a=b", CONTENT_LENGTH=announced).status_code


def test_a_large_body_is_refused(client: Client) -> None:
    path = reverse("account_login")

    assert post(client, path, MOST + 1) == 413
    assert post(client, path, 60_000_000) == 413
    client.force_login(UserFactory())
    assert post(client, path, MOST) != 413
    assert post(client, path, MOST + 1) == 413


def test_only_somebody_signed_in_may_send_a_large_file(client: Client) -> None:
    path = reverse("transactions:file_new")
    person = UserFactory()
    client.force_login(person)

    assert post(Client(), path, MAX_BYTES) == 413
    stranger = Client()
    stranger.cookies[settings.SESSION_COOKIE_NAME] = "invented"
    assert post(stranger, path, MAX_BYTES) == 413
    assert post(client, path, MAX_BYTES) != 413
    assert post(client, path, 3 * MAX_BYTES) == 413
    assert post(client, reverse("account_logout"), MAX_BYTES) == 413
    deactivate_user(user=person)
    assert post(client, path, MAX_BYTES) == 413


def test_a_session_from_before_a_new_password_sends_no_large_file(client: Client) -> None:
    person = UserFactory()
    client.force_login(person)
    person.set_password("another-long-password")
    person.save()

    assert post(client, reverse("transactions:file_new"), MAX_BYTES) == 413


def test_the_views_that_read_files_are_those_with_a_page_and_accept_more_than_a_file() -> None:
    marked = {each.name: max_file_bytes(each.view) for each in patterns()}
    assert {name: most for name, most in marked.items() if most is not None} == {
        **UPLOADS,
        **dict.fromkeys(READ_AGAIN, 0),
    }
    for name, most in UPLOADS.items():
        assert max_body_bytes(reverse(name)) == 2 * most > MOST
    for name in READ_AGAIN:
        assert max_body_bytes(reverse(name, args=[uuid7()])) == MOST
    assert max_body_bytes("/no/such/page/") == MOST


@pytest.mark.parametrize("announced", ["", "many", "-1"])
def test_a_length_that_is_no_number_counts_as_none(client: Client, announced: str) -> None:
    answer = client.generic("POST", reverse("account_login"), b"", CONTENT_LENGTH=announced)

    assert answer.status_code != 413

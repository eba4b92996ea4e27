"""The provider's keys: kept, and fetched again once when a token names an unknown one."""

import pytest
from django.test import Client

from tests.identity_provider import NINA, There, is_signed_in

pytestmark = pytest.mark.django_db


def test_rotated_keys_are_fetched_again_once(client: Client, there: There) -> None:
    there.sign_in(client, NINA)
    there.provider.rotate_keys()
    reads = there.provider.key_reads

    for _ in range(3):
        visitor = Client()
        there.sign_in(visitor, NINA)
        assert is_signed_in(visitor)

    assert there.provider.key_reads == reads + 1


def test_a_token_of_a_key_that_was_rotated_away_is_refused(client: Client, there: There) -> None:
    old = there.provider.keys
    there.provider.rotate_keys()
    there.sign_in(client, NINA)
    there.provider.keys = [*there.provider.keys, *old]  # signs with the old, shows both
    shown = there.provider.keys[:1]
    there.provider.key_set = lambda: {"keys": [key.public_jwk() for key in shown]}  # type: ignore[method-assign]
    try:
        visitor = Client()
        assert there.sign_in(visitor, NINA).status_code == 401
        assert not is_signed_in(visitor)
    finally:
        del there.provider.key_set
        there.provider.keys = there.provider.keys[:1]

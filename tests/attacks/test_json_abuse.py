"""JSON that is huge, deep or of an odd shape: refused with an answer, in little memory."""

import json
import tracemalloc
from typing import Any

import pytest
from django.test import Client

from accounts.models import Account
from tests.factories import AccountFactory, UserFactory
from transactions import services
from transactions.exceptions import InvalidDetails
from transactions.models import Transaction

pytestmark = pytest.mark.django_db
MEGABYTE = 2**20
DEEP = "[" * 100_000 + "]" * 100_000
DEEP_OBJECT = '{"a":' * 10_000 + "1" + "}" * 10_000
DEEP_AND_SHORT = "[" * 1_500 + "]" * 1_500  # within the limits of length
ODD = (
    "",
    "null",
    "[]",
    "{}",
    '"text"',
    "NaN",
    "1e999",
    '{"a": 1',
    "\x00",
    DEEP,
    DEEP_AND_SHORT,
    DEEP_OBJECT,
)
PASSKEY_SIGN_IN = "/account/2fa/webauthn/login/"
REPORTS = "/csp-report/"


@pytest.mark.parametrize("text", ODD, ids=lambda text: repr(text[:8]))
def test_a_stranger_signs_in_with_no_odd_credential(text: str) -> None:
    client = Client()
    answer = client.post(PASSKEY_SIGN_IN, {"credential": text})
    assert answer.status_code < 500
    assert "_auth_user_id" not in client.session


@pytest.mark.parametrize("text", ODD, ids=lambda text: repr(text[:8]))
def test_a_report_of_an_odd_shape_is_answered(text: str) -> None:
    answer = Client().post(REPORTS, text.encode(), content_type="application/csp-report")
    assert answer.status_code < 500


@pytest.mark.parametrize("url", [PASSKEY_SIGN_IN, REPORTS])
def test_huge_json_is_refused_before_it_is_read(url: str) -> None:
    body = json.dumps({"credential": "x" * (8 * MEGABYTE)})
    client = Client()
    tracemalloc.start()
    try:
        answer = client.post(url, body, content_type="application/json")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert answer.status_code == 413
    assert peak < 20 * MEGABYTE  # the test client itself copies the body


def nested(levels: int) -> dict[str, Any]:
    metadata: dict[str, Any] = {"a": 1}
    for _ in range(levels):
        metadata = {"a": metadata}
    return metadata


@pytest.mark.parametrize("metadata", [nested(5_000), {"a": "x" * MEGABYTE}], ids=["deep", "huge"])
def test_no_payment_carries_deep_or_huge_metadata(metadata: dict[str, Any]) -> None:
    sender: Account = AccountFactory(balance="10")
    with pytest.raises(InvalidDetails):
        services.transfer(
            from_account=sender,
            to_account=AccountFactory(),
            amount=sender.balance,
            metadata=metadata,
            created_by=UserFactory(),
        )
    assert not Transaction.objects.filter(from_account=sender).exists()

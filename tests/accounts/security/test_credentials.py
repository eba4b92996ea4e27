"""What a browser posts for a passkey: read strictly, stored without unknown parts."""

import json

import pytest
from django.core.exceptions import ValidationError
from fido2.utils import websafe_encode

from accounts.security.credentials import LONGEST, CredentialField


def posted(**changes: object) -> str:
    data = {"id": "AA", "rawId": "AA", "type": "public-key", "response": {"signature": "AA"}}
    return json.dumps(data | changes)


@pytest.mark.parametrize("size", range(1, 9))
def test_texts_of_every_length_are_read(size: int) -> None:
    text = websafe_encode(bytes(size))
    assert CredentialField().clean(posted(id=text))["id"] == text


def test_unknown_parts_are_left_out() -> None:
    found = CredentialField().clean(
        posted(evil="<b>", clientExtensionResults={"credProps": {"rk": True, "x": 1}, "y": 2})
    )
    assert found["clientExtensionResults"] == {"credProps": {"rk": True}}
    assert "evil" not in found


@pytest.mark.parametrize("kept", [None, {}, {"credProps": None}, {"credProps": {"rk": "yes"}}])
def test_a_device_that_does_not_say_it_keeps_the_passkey(kept: object) -> None:
    found = CredentialField().clean(posted(clientExtensionResults=kept))
    assert found["clientExtensionResults"]["credProps"]["rk"] is False


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "[" * 9000,
        "x",
        posted(type="password"),
        posted(id=1),
        posted(id="é"),
        posted(id="A A"),
        posted(response=None),
        posted(response={"userHandle": 1}),
        posted(id="A" * LONGEST),
    ],
)
def test_any_other_shape_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        CredentialField().clean(text)

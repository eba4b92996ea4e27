"""Reads the credential that a browser posts for a passkey, and refuses any other format.

allauth stores the credential without validation, and its parser raises unexpected errors. Therefore
this module checks the format, and reports every other error as a refusal.
"""

import json
import re
import struct
from collections.abc import Mapping
from typing import Any

from django import forms

BASE64 = re.compile("[A-Za-z0-9_-]*")
LONGEST = 20_000  # characters; real devices send about 1,500
OF_RESPONSE = ("clientDataJSON", "attestationObject", "authenticatorData", "signature")
NO_PASSKEY = "This passkey cannot be used here. Try again."
# The errors that fido2 raises for invalid bytes, and ValueError.
MALFORMED = (ValueError, TypeError, KeyError, IndexError, AttributeError, struct.error)


class CredentialField(forms.CharField):
    """A hidden form field for a credential. `clean` returns only the known keys of the
    credential.
    """

    widget = forms.HiddenInput

    def __init__(self) -> None:
        super().__init__(max_length=LONGEST)

    def clean(self, value: Any) -> Any:
        """Returns the credential as a dict.

        Raises: ValidationError if the text has another format.
        """
        text = super().clean(value)
        try:
            return _known_parts(json.loads(text))
        except (*MALFORMED, RecursionError):
            raise forms.ValidationError(NO_PASSKEY) from None


def _known_parts(found: Any) -> dict[str, Any]:
    response = {name: _encoded(found["response"], name) for name in OF_RESPONSE}
    if found["response"].get("userHandle") is not None:
        response["userHandle"] = _encoded(found["response"], "userHandle")
    if found["type"] != "public-key":
        raise ValueError(found["type"])
    return {
        "type": "public-key",
        "id": _encoded(found, "id"),
        "rawId": _encoded(found, "rawId"),
        "response": {name: value for name, value in response.items() if value},
        "clientExtensionResults": {"credProps": {"rk": _is_kept(found)}},
    }


def _encoded(parts: Mapping[str, Any], name: str) -> str:
    """Returns the value `name` of a dict, a text in URL-safe base64. Returns "" if the value is
    missing.

    Raises: TypeError or ValueError for another value.
    """
    text = parts.get(name, "")
    if not isinstance(text, str):
        raise TypeError(name)
    if not BASE64.fullmatch(text):
        raise ValueError(name)
    return text


def _is_kept(found: Mapping[str, Any]) -> bool:
    """Returns whether the device has stored the passkey. The user can then sign in without an
    address.
    """
    results = found.get("clientExtensionResults") or {}
    return (results.get("credProps") or {}).get("rk") is True

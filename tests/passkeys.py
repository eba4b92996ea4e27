"""A passkey in software that signs like a browser and its device."""

import json
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.internal.auth import WebAuthn
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2.cose import ES256
from fido2.utils import sha256, websafe_encode
from fido2.webauthn import (
    AttestationObject,
    AttestedCredentialData,
    AuthenticatorData,
    CollectedClientData,
)

from accounts.models import User

UP, UV, AT = (
    AuthenticatorData.FLAG.UP,
    AuthenticatorData.FLAG.UV,
    AuthenticatorData.FLAG.AT,
)


class SoftPasskey:
    """A key pair of one person for one site. `verifies` is true if the device checks a PIN or a
    finger. `row` is the bank's row for this passkey.
    """

    row: Authenticator

    def __init__(self, user: User, *, site: str = "localhost", verifies: bool = True) -> None:
        self.user, self.site, self.verifies = user, site, verifies
        self.origin = ""  # of the page; the default is https:// and the site
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.credential_id = sha256(self.key.private_numbers().private_value.to_bytes(32, "big"))

    @property
    def _flags(self) -> Any:
        return UP | UV if self.verifies else UP

    def _client_data(self, kind: Any, challenge: str) -> Any:
        origin = self.origin or f"https://{self.site}"
        data = {"type": kind, "challenge": challenge, "origin": origin}
        return CollectedClientData(json.dumps(data).encode())

    def register(self, challenge: str) -> str:
        """Returns the data that a browser posts to add this passkey."""
        public = ES256.from_cryptography_key(self.key.public_key())  # type: ignore[no-untyped-call]
        made = AttestedCredentialData.create(b"\0" * 16, self.credential_id, public)
        data = AuthenticatorData.create(sha256(self.site.encode()), self._flags | AT, 0, made)
        return self._post(
            clientDataJSON=self._client_data(CollectedClientData.TYPE.CREATE, challenge),
            attestationObject=AttestationObject.create("none", data, {}),
        )

    def sign(self, challenge: str, *, as_user: User | None = None) -> str:
        """Returns the data that a browser posts to use this passkey."""
        data = AuthenticatorData.create(sha256(self.site.encode()), self._flags, 1)
        client = self._client_data(CollectedClientData.TYPE.GET, challenge)
        signature = self.key.sign(bytes(data) + client.hash, ec.ECDSA(hashes.SHA256()))
        return self._post(
            clientDataJSON=client,
            authenticatorData=data,
            signature=signature,
            userHandle=(as_user or self.user).pk.hex.encode(),
        )

    def _post(self, **response: bytes) -> str:
        return json.dumps(
            {
                "id": websafe_encode(self.credential_id),
                "rawId": websafe_encode(self.credential_id),
                "type": "public-key",
                "response": {name: websafe_encode(value) for name, value in response.items()},
                "clientExtensionResults": {"credProps": {"rk": True}},
            }
        )


def add_passkey(user: User, name: str = "Phone", *, site: str = "testserver") -> SoftPasskey:
    """Adds a passkey to the person without using a page, and returns the passkey."""
    passkey = SoftPasskey(user, site=site)
    passkey.row = WebAuthn.add(user, name, json.loads(passkey.register("AAAA"))).instance
    return passkey

"""A passkey as the database has it after a registration; no device can sign with it."""

import hashlib

from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.internal.auth import WebAuthn
from fido2.cose import ES256
from fido2.utils import websafe_encode
from fido2.webauthn import (
    Aaguid,
    AttestationObject,
    AttestedCredentialData,
    AuthenticatorData,
    CollectedClientData,
)

from accounts.models import User

POINT = bytes(range(32))
PUBLIC_KEY = ES256({1: 2, 3: -7, -1: 1, -2: POINT, -3: POINT})  # no signature is verified here
FLAGS = AuthenticatorData.FLAG.UP | AuthenticatorData.FLAG.UV | AuthenticatorData.FLAG.AT


def add_passkey(user: User, name: str) -> Authenticator:
    id = hashlib.sha256(user.email.encode()).digest()
    credential = AttestedCredentialData.create(Aaguid.NONE, id, PUBLIC_KEY)
    host = hashlib.sha256(b"testserver").digest()
    data = AuthenticatorData.create(host, FLAGS, 0, credential)
    client = CollectedClientData.create("webauthn.create", b"challenge", "http://testserver")
    passkey: Authenticator = WebAuthn.add(user, name, {
        "id": websafe_encode(id),
        "rawId": websafe_encode(id),
        "type": "public-key",
        "clientExtensionResults": {"credProps": {"rk": True}},
        "response": {
            "clientDataJSON": websafe_encode(client),
            "attestationObject": websafe_encode(AttestationObject.create("none", data, {})),
        },
    }).instance  # fmt: skip
    return passkey

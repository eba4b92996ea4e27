"""The secrets of webhooks, and the signatures that prove that the bank sent a delivery.

This module follows the Standard Webhooks specification. A secret is the text `whsec_`, followed by
random bytes in Base64. A signature is the HMAC-SHA-256 of the id, the time and the body, joined by
dots. For one day after a rotation, deliveries are signed with both secrets, so that the receiver
can change its secret in the meantime.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from ledger.web.encryption import fernet

PURPOSE = b"ledger: secrets of webhooks"
PREFIX = "whsec_"
BYTES = 32
OLD_VALID_FOR = timedelta(days=1)
Stored = list[dict[str, Any]]


def new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(BYTES)).decode()


def stored(secret: str) -> Stored:
    """Returns a value for `Webhook.secrets` that contains only this secret. The secret is encrypted
    and does not expire.
    """
    return [{"secret": fernet(PURPOSE).encrypt(secret.encode()).decode(), "until": None}]


def rotated(before: Stored, secret: str, now: datetime) -> Stored:
    """Returns a value for `Webhook.secrets` that contains the new secret and the previous secret.
    The previous secret is valid for one more day.
    """
    old = [{**before[0], "until": (now + OLD_VALID_FOR).isoformat()}] if before else []
    return [*stored(secret), *old]


def reencrypted(before: Stored, now: datetime) -> Stored:
    """Returns the secrets that are still valid, encrypted with the current SECRET_KEY.

    Raises: InvalidToken if no known key can decrypt a secret.
    """
    keys = fernet(PURPOSE)
    return [
        {**each, "secret": keys.rotate(each["secret"].encode()).decode()}
        for each in before
        if _is_valid(each, now)
    ]


def old_valid_until(kept: Stored, now: datetime) -> datetime | None:
    """Returns the time until which the previous secret is valid, or None if there is no previous
    secret that is still valid.
    """
    untils = [datetime.fromisoformat(each["until"]) for each in kept if each["until"]]
    return max((until for until in untils if until > now), default=None)


def headers(kept: Stored, message: UUID, body: bytes, now: datetime) -> dict[str, str]:
    """Returns the HTTP headers with the signatures of a delivery.

    Raises: InvalidToken if no known key can decrypt a secret.
    """
    moment = str(int(now.timestamp()))
    content = b".".join([str(message).encode(), moment.encode(), body])
    signatures = [f"v1,{_signature(secret, content)}" for secret in _valid_secrets(kept, now)]
    return {
        "webhook-id": str(message),
        "webhook-timestamp": moment,
        "webhook-signature": " ".join(signatures),
    }


def _valid_secrets(kept: Stored, now: datetime) -> Iterator[str]:
    keys = fernet(PURPOSE)
    for each in kept:
        if _is_valid(each, now):
            yield keys.decrypt(each["secret"].encode()).decode()


def _is_valid(secret: dict[str, Any], now: datetime) -> bool:
    return secret["until"] is None or datetime.fromisoformat(secret["until"]) > now


def _signature(secret: str, content: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(PREFIX))
    return base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()

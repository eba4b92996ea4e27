"""Secrets of webhooks, and the signatures that prove the sender of a delivery.

They follow the Standard Webhooks specification: a secret is `whsec_` and Base64; a signature is
HMAC-SHA-256 over the id, the time and the body, joined by dots. After a rotation both secrets sign
for a day, so that the receiver can switch without losing a delivery.
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
    """Returns the value of `Webhook.secrets` for one secret without an end."""
    return [{"secret": fernet(PURPOSE).encrypt(secret.encode()).decode(), "until": None}]


def rotated(before: Stored, secret: str, now: datetime) -> Stored:
    """Returns the new secret and the previous one, which is valid for one more day."""
    old = [{**before[0], "until": (now + OLD_VALID_FOR).isoformat()}] if before else []
    return [*stored(secret), *old]


def reencrypted(before: Stored, now: datetime) -> Stored:
    """Returns the secrets that are still valid, encrypted with the current SECRET_KEY.

    Raises: InvalidToken.
    """
    keys = fernet(PURPOSE)
    return [
        {**each, "secret": keys.rotate(each["secret"].encode()).decode()}
        for each in before
        if _is_valid(each, now)
    ]


def old_valid_until(kept: Stored, now: datetime) -> datetime | None:
    """Returns until when the previous secret is valid; None if it is not."""
    untils = [datetime.fromisoformat(each["until"]) for each in kept if each["until"]]
    return max((until for until in untils if until > now), default=None)


def headers(kept: Stored, message: UUID, body: bytes, now: datetime) -> dict[str, str]:
    """Returns the headers that prove the sender of a delivery.

    Raises: InvalidToken if no key decrypts a secret.
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

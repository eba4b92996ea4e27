"""The section that lists the factors: what protects this sign-in, with a button for each change."""

from typing import Any

from accounts.requests import PersonRequest
from accounts.sign_in.factors import Factors, factors_of, must_confirm_address


def read(request: PersonRequest) -> dict[str, Any]:
    """What `_protection.html` shows."""
    factors = factors_of(request.user)
    return {
        "factors": factors,
        "must_confirm": must_confirm_address(request.user),
        "summary": summary(factors),
    }


def summary(factors: Factors) -> str:
    """What protects the sign-in, in one sentence."""
    if not factors.has_password:
        return "Only your passkeys sign you in"
    if factors.passkeys and factors.app:
        return "A password, passkeys and an authenticator app protect your sign-in"
    if factors.passkeys:
        return "A password and a passkey protect your sign-in"
    if factors.app:
        return "A password and an authenticator app protect your sign-in"
    return "Only a password protects your sign-in"

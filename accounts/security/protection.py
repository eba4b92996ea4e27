"""Reads a section of the page "Security": the factors that protect the user's sign-in, with buttons
to change them.
"""

from typing import Any

from django.conf import settings

from accounts.requests import PersonRequest
from accounts.security.second_factor_rule import lacks_second_factor, url_to_prove
from accounts.sign_in.factors import Factors, factors_of, must_confirm_address
from accounts.sign_in.providers.current import configured


def read(request: PersonRequest) -> dict[str, Any]:
    """Returns the template context of the partial `_protection.html`."""
    factors = factors_of(request.user)
    return {
        "factors": factors,
        "lacks_second": lacks_second_factor(request),
        "closed_pages": (
            "Your accounts"
            if settings.LEDGER_CUSTOMER_SECOND_FACTOR
            else "The pages of staff and analysts"
        ),
        "url_to_prove": url_to_prove(request.user, request.GET.get("next", "")),
        "must_confirm": must_confirm_address(request.user),
        "summary": summary(factors),
    }


def summary(factors: Factors) -> str:
    """Returns a short description of the factors that protect the sign-in."""
    if not factors.has_password:
        return _without_password(factors)
    passkeys = "passkeys" if len(factors.passkeys) > 1 else "a passkey"
    if factors.passkeys and factors.app:
        return f"A password, {passkeys} and an authenticator app protect your sign-in"
    if factors.has_second:
        second = passkeys if factors.passkeys else "an authenticator app"
        return f"A password and {second} protect your sign-in"
    return "Only a password protects your sign-in"


def _without_password(factors: Factors) -> str:
    """Returns the text for a user who has no password."""
    provider = configured().name if factors.has_provider else ""
    if factors.passkeys:
        if provider:
            return f"Your passkeys and {provider} sign you in"
        return f"{'Your' if factors.stand_in else 'Only your'} passkeys sign you in"
    return f"Only {provider} signs you in" if provider else "Only codes from mails sign you in"

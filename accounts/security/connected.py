"""The section of connected providers: which sign-in elsewhere also signs in here."""

from typing import Any

from allauth.socialaccount.models import SocialAccount

from accounts.requests import PersonRequest
from accounts.sign_in.providers.current import configured, is_configured


def read(request: PersonRequest) -> dict[str, Any] | None:
    """What `_connected.html` shows; None without a provider, and then it shows nothing."""
    if not is_configured():
        return None
    found = SocialAccount.objects.filter(user=request.user).order_by("date_joined")
    connected = [
        {"email": each.extra_data.get("email", ""), "since": each.date_joined} for each in found
    ]
    return {"provider_name": configured().name, "connected": connected}

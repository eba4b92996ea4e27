"""Reads a section of the page "Security": whether the user can sign in with the identity
provider.
"""

from typing import Any
from urllib.parse import urlencode

from allauth.socialaccount.models import SocialAccount
from allauth.socialaccount.providers.base.constants import AuthProcess
from django.urls import reverse

from accounts.requests import PersonRequest
from accounts.sign_in.providers.current import configured, is_configured


def read(request: PersonRequest) -> dict[str, Any] | None:
    """Returns the context of `_connected.html`, or None if no provider is configured."""
    if not is_configured():
        return None
    found = SocialAccount.objects.filter(user=request.user).order_by("date_joined")
    connected = [
        {"email": each.extra_data.get("email", ""), "since": each.date_joined} for each in found
    ]
    connect_url = f"{reverse('openid_connect_login')}?{urlencode({'process': AuthProcess.CONNECT})}"
    return {
        "provider_name": configured().name,
        "connected": connected,
        "connect_url": connect_url,
    }

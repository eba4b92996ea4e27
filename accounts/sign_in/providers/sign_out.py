"""Signs the user out at the provider after our session has ended."""

from typing import Any
from urllib.parse import urlencode

from allauth.socialaccount.models import SocialLogin
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from accounts.sign_in.providers.discovery import discover
from accounts.sign_in.providers.refusals import ProviderRefused

# The ID token is stored only in the session, not in the table of connected providers.
ID_TOKEN_KEY = "provider_id_token"  # noqa: S105


def remember(login: SocialLogin) -> None:
    """Stores the ID token in the state of the sign-in, until the second factor was entered."""
    login.state[ID_TOKEN_KEY] = login.id_token


def keep_in_session(request: HttpRequest, sociallogin: Any = None, **_more: object) -> None:
    """Stores the ID token in the session after a sign-in at the provider. Called by a signal of
    allauth.
    """
    if sociallogin is not None and (token := sociallogin.state.get(ID_TOKEN_KEY)):
        request.session[ID_TOKEN_KEY] = token


def provider_sign_out_url(request: HttpRequest) -> str:
    """Returns the provider's sign-out URL, which redirects back to our sign-in page. Returns "" if
    the session did not begin at the provider, or if the provider has no such URL.
    """
    provider, token = settings.LEDGER_PROVIDER, request.session.get(ID_TOKEN_KEY)
    if provider is None or not token:
        return ""
    back = request.build_absolute_uri(reverse(settings.LOGIN_URL))
    if provider.sign_out_url:
        facts = {"client_id": provider.client_id, "logout_uri": back}
        return f"{provider.sign_out_url}?{urlencode(facts)}"
    try:
        url = discover(provider.issuer).get("end_session_endpoint")
    except ProviderRefused:  # the provider cannot be reached; our session ends anyway
        return ""
    facts = {
        "id_token_hint": token,
        "client_id": provider.client_id,
        "post_logout_redirect_uri": back,
    }
    return f"{url}{'&' if '?' in url else '?'}{urlencode(facts)}" if url else ""

"""Signing out at the provider, after our own session has ended."""

from typing import Any
from urllib.parse import urlencode

from allauth.socialaccount.models import SocialLogin
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from accounts.sign_in.providers.discovery import discover
from accounts.sign_in.providers.refusals import ProviderRefused

# In the session alone; the database of connected providers has no token.
ID_TOKEN_KEY = "provider_id_token"  # noqa: S105


def remember(login: SocialLogin) -> None:
    """Lets the ID token go with the sign-in through a second factor's page."""
    login.state[ID_TOKEN_KEY] = login.id_token


def keep_in_session(request: HttpRequest, sociallogin: Any = None, **_more: object) -> None:
    """A signal of allauth after a sign-in: marks a session that began at the provider."""
    if sociallogin is not None and (token := sociallogin.state.get(ID_TOKEN_KEY)):
        request.session[ID_TOKEN_KEY] = token


def provider_sign_out_url(request: HttpRequest) -> str:
    """Where the browser goes after signing out here: the provider's own sign-out, which leads back
    to our sign-in page. "" for a session that did not begin there, or if the provider has none.
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
    except ProviderRefused:  # it is down; our own session ends all the same
        return ""
    facts = {
        "id_token_hint": token,
        "client_id": provider.client_id,
        "post_logout_redirect_uri": back,
    }
    return f"{url}{'&' if '?' in url else '?'}{urlencode(facts)}" if url else ""

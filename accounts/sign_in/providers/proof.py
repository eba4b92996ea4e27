"""Proving again who is at the browser, by a new sign-in at the provider.

It is for people who sign in through the provider alone: without a password or a factor here, there
is nothing else to ask for, and allauth would take them as proved.
"""

from typing import Any

from allauth.account.internal.flows.login import record_authentication
from allauth.account.internal.flows.reauthentication import (
    STATE_SESSION_KEY,
    get_reauthentication_flows,
)
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.models import SocialAccount, SocialLogin
from django.conf import settings
from django.http import HttpRequest
from django.shortcuts import redirect
from django.urls import reverse

from accounts.sign_in.providers import linking
from accounts.sign_in.providers.current import ASKED_AT, configured, is_configured
from accounts.sign_in.providers.id_token import LEEWAY_SECONDS


def only_at_provider(user: Any) -> bool:
    """Whether this person can prove who they are at the provider alone."""
    if not is_configured() or not user.is_authenticated or get_reauthentication_flows(user):
        return False
    return bool(SocialAccount.objects.filter(user=user).exists())


def way() -> dict[str, str]:
    """The page that leads to the provider, as allauth describes a way to step up."""
    return {
        "id": "provider",
        "description": f"Sign in with {configured().name} again",
        "url": reverse("prove_at_provider"),
    }


def finish(request: HttpRequest, login: SocialLogin) -> None:
    """Records the proof and leads on. Always raises ImmediateHttpResponse.

    The same person must have signed in there, after we asked: the provider says when in
    `auth_time`. Nobody is signed in or connected by this.
    """
    account = login.account
    if not only_at_provider(request.user) or account.user_id != request.user.pk:
        linking.refuse(request, linking.LinkRefusal.OTHER_PERSON)
    signed_in_at = login.claims.get("auth_time")
    asked_at = login.state[ASKED_AT] - LEEWAY_SECONDS
    if not isinstance(signed_in_at, int) or signed_in_at < asked_at:
        linking.refuse(request, linking.LinkRefusal.NOT_FRESH)
    facts = {"provider": account.provider, "uid": account.uid, "reauthenticated": True}
    record_authentication(request, request.user, "socialaccount", **facts)
    request.session.pop(STATE_SESSION_KEY, None)
    raise ImmediateHttpResponse(redirect(login.state.get("next") or settings.LOGIN_REDIRECT_URL))

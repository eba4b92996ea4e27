"""Reauthentication with a new sign-in at the provider, for users who can sign in only there.

These users have no password or factor here. allauth would not require reauthentication from them.
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
    """Returns whether this user can reauthenticate only at the provider."""
    if not is_configured() or not user.is_authenticated or get_reauthentication_flows(user):
        return False
    return bool(SocialAccount.objects.filter(user=user).exists())


def way() -> dict[str, str]:
    """Returns a dict that describes the reauthentication by a new sign-in at the provider. The dict
    has the same keys as allauth's descriptions of other methods.
    """
    return {
        "id": "provider",
        "description": f"Sign in with {configured().name} again",
        "url": reverse("prove_at_provider"),
    }


def finish(request: HttpRequest, login: SocialLogin) -> None:
    """Records the reauthentication and redirects to the next page. Does not sign the user in and
    does not connect the provider.

    The same user must have signed in at the provider after our request. The provider sends the time
    of the sign-in in the claim `auth_time`.

    Raises: ImmediateHttpResponse, always.
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

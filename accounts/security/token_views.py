"""Pages that create access tokens, show them once, and revoke them."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.exceptions import TooManyTokens
from accounts.models import ApiToken
from accounts.requests import PersonRequest
from accounts.security.step_up import step_up_before_the_button, step_up_first
from accounts.security.token_form import NewTokenForm
from accounts.sign_in import access, token_ends, tokens
from accounts.sign_in.factors import signed_in_with_second_factor

TEMPLATE = "accounts/security/new_token.html"
MAX_ENDED = 3  # the number of expired and revoked tokens in the list
ENDS = {
    token_ends.BY_PERSON: "by you",
    token_ends.BY_COMMAND: "by a command of the bank",
    "sign_in_closed": "when the sign-in was closed",
    "password_reset": "when a new password was chosen by mail",
    "password_set": "when the bank changed the password",
    "factors_removed": "when the bank removed the second factors",
    "address_changed": "when the bank changed the main address",
    "address_confirmed": "when the address was confirmed",
}


def read(request: PersonRequest) -> dict[str, Any]:
    """Returns the context of `_tokens.html`: all valid tokens, and the newest expired and revoked
    tokens.
    """
    mine, now = ApiToken.objects.of(request.user), timezone.now()
    live = list(mine.live(now))
    ended = list(mine.exclude(pk__in=[token.pk for token in live])[:MAX_ENDED])
    return {"live": live, "ended": [(token, _how_it_ended(token)) for token in ended]}


def _how_it_ended(token: ApiToken) -> str:
    """Returns a text that explains how the token was revoked, or "" if the token has expired. The
    text does not contain reasons that staff entered, because users must not see these reasons.
    """
    return ENDS.get(token.reason, "by the bank") if token.revoked_at else ""


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@step_up_first
def make(request: PersonRequest) -> HttpResponse:
    """Shows the form for a new token. A POST request creates the token and shows its text once."""
    form = NewTokenForm(
        request.POST or None,
        person=request.user,
        second_factor=signed_in_with_second_factor(request),
    )
    context: dict[str, Any] = {"form": form}
    if request.method == "POST" and form.is_valid():
        try:
            context["issued"] = form.issue(request.session.session_key)
        except TooManyTokens as refusal:
            messages.error(request, str(refusal))
            return redirect("security:page")
    return render(request, TEMPLATE, context)


@require_POST
@step_up_before_the_button
def revoke(request: PersonRequest) -> HttpResponse:
    """Revokes the user's token with the submitted prefix."""
    # The submitted prefix can be any text, also a text that Postgres cannot store
    prefix = request.POST.get("token", "")
    mine = ApiToken.objects.of(request.user).live()
    token = next((each for each in mine if each.prefix == prefix[:8]), None)
    if token is not None and tokens.revoke(token=token, by=request.user):
        messages.success(request, f"The token {token.name} no longer works.")
    else:
        messages.info(request, "That token was already revoked or had expired.")
    return redirect("security:page")


@require_POST
@step_up_before_the_button
def revoke_all(request: PersonRequest) -> HttpResponse:
    """Revokes all of the user's tokens."""
    access.revoke_tokens(user=request.user, by=request.user, reason=token_ends.BY_PERSON)
    messages.success(request, "All your access tokens are revoked.")
    return redirect("security:page")

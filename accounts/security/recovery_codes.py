"""The page that creates recovery codes and shows them once."""

from urllib.parse import quote

from allauth.account.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authenticator_reset
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.exceptions import NoSecondFactor
from accounts.requests import PersonRequest
from accounts.security.second_factor_rule import way_on
from accounts.security.step_up import step_up_first
from accounts.sign_in.factors import Kind, factors_of
from accounts.sign_in.recovery_codes import FACTOR_FIRST, make_recovery_codes

TEMPLATE = "accounts/security/recovery_codes"


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@step_up_first
def page(request: PersonRequest) -> HttpResponse:
    """Shows the number of unused recovery codes. A POST request creates new codes, which replace
    the old codes, and shows them once.
    """
    factors = factors_of(request.user)
    if not factors.has_second:
        messages.error(request, FACTOR_FIRST)
        return redirect("security:page")
    if request.method == "POST":
        return _made(request)
    return render(request, f"{TEMPLATE}.html", {"left": factors.recovery_codes})


@require_safe
def after_a_change(request: PersonRequest) -> HttpResponse:
    """Redirects the user after a factor was added or removed. A user with a second factor and no
    recovery codes is redirected to the page of recovery codes. Other users are redirected to the
    URL that `way_on` returns.
    """
    factors = factors_of(request.user)
    has_all = factors.recovery_codes or not factors.has_second
    return redirect(way_on(request) if has_all else "security:recovery_codes")


def _made(request: PersonRequest) -> HttpResponse:
    """Creates new recovery codes, notifies the user by mail, and shows the codes."""
    try:
        codes = make_recovery_codes(user=request.user)
    except NoSecondFactor as refusal:
        messages.error(request, str(refusal))
        return redirect("security:page")
    row = Authenticator.objects.get(user=request.user, type=Kind.RECOVERY_CODES)
    authenticator_reset.send(Authenticator, request=request, user=request.user, authenticator=row)
    get_adapter().send_notification_mail("mfa/email/recovery_codes_generated", request.user)
    text = render_to_string(f"{TEMPLATE}.txt", {"codes": codes, "made_at": row.created_at})
    file = f"data:text/plain;charset=utf-8,{quote(text)}"
    context = {
        "codes": codes, "made_at": row.created_at, "file": file, "way_on": way_on(request),
    }  # fmt: skip
    return render(request, f"{TEMPLATE}.html", context)

"""Pages that sign the user out on other devices."""

from allauth.account.adapter import get_adapter
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from accounts.requests import PersonRequest
from accounts.security.step_up import step_up_before_the_button
from accounts.sign_in import sessions


@require_POST
@step_up_before_the_button
def end_session(request: PersonRequest) -> HttpResponse:
    """Signs the user out on one of their devices."""
    if sessions.end_session(request.user, request.POST.get("session", "")):
        _notify(request)
        messages.success(request, "That device is signed out.")
    else:
        messages.info(request, "That device was signed out already.")
    return redirect("security:page")


@require_POST
@step_up_before_the_button
def end_other_sessions(request: PersonRequest) -> HttpResponse:
    """Signs the user out on all other devices."""
    ended = sessions.end_others(request.user, request.session.session_key, "by_person")
    if ended:
        _notify(request)
    messages.success(
        request,
        "You are signed out everywhere else." if ended else "You are signed in only here.",
    )
    return redirect("security:page")


def _notify(request: PersonRequest) -> None:
    get_adapter(request).send_notification_mail("account/email/signed_out", request.user)

"""Pages about the user's own security. Changes need a recent reauthentication."""

from allauth.account.adapter import get_adapter
from allauth.account.utils import get_next_redirect_url
from allauth.account.views import password_change, password_set
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.http import HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from accounts import services
from accounts.exceptions import LastWayIn
from accounts.forms import NameForm
from accounts.requests import PersonRequest
from accounts.security.sections import read_sections
from accounts.security.step_up import step_up_first
from accounts.sign_in.factors import factors_of, has_second_factor
from accounts.sign_in.removal import remove_password


@require_safe
def security(request: PersonRequest) -> HttpResponse:
    """Shows the factors that protect the sign-in, with links to change them."""
    return render(request, "accounts/security/page.html", {"sections": read_sections(request)})


def change_password(request: PersonRequest) -> HttpResponseBase:
    """Serves the page that changes the password and asks for the current password. Users with a
    second factor must reauthenticate first.
    """
    page = step_up_first(password_change) if has_second_factor(request.user) else password_change
    return page(request)


choose_password = step_up_first(password_set)


@require_http_methods(["GET", "HEAD", "POST"])
@step_up_first
def drop_password(request: PersonRequest) -> HttpResponse:
    """Shows a confirmation page. A POST request removes the password and ends all other
    sessions.
    """
    if request.method == "POST":
        try:
            person = remove_password(user=request.user)
        except LastWayIn as refusal:
            messages.error(request, str(refusal))
        else:
            update_session_auth_hash(request, person)
            get_adapter().send_notification_mail(
                "account/email/password_removed", person, {"stand_in": factors_of(person).stand_in}
            )
            messages.success(request, "Your password is removed. Your passkeys sign you in.")
        return redirect("security:page")
    context = {"stand_in": factors_of(request.user).stand_in}
    return render(request, "accounts/security/drop_password.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def choose_name(request: PersonRequest) -> HttpResponse:
    """Shows the form for a name to a user without a name: see
    `accounts.middleware.RequiredSetupMiddleware`.
    """
    back = get_next_redirect_url(request) or settings.LOGIN_REDIRECT_URL
    form = NameForm(request.POST or None)
    if request.user.name:
        return HttpResponseRedirect(back)
    if request.method == "POST" and form.is_valid():
        services.choose_name(user=request.user, name=form.cleaned_data["name"])
        return HttpResponseRedirect(back)
    return render(request, "accounts/security/choose_name.html", {"form": form})

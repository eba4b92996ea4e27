"""The pages "Your data", "Leave the bank" and "Privacy"."""

from allauth.core.internal.ratelimit import consume
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from accounts.requests import PersonRequest
from accounts.security.step_up import step_up_first
from transactions.privacy.downloads import as_json, as_zip
from transactions.privacy.keeping import cookies, erased_after, kept, not_in_logs
from transactions.privacy.leaving import CannotLeave, leave, obstacles

RATE = {"download_data": "6/h/user"}
TOO_MANY = "You have downloaded your data six times within an hour. Try again in an hour."
LEFT = "Your accounts are closed, and you can no longer sign in."


@require_http_methods(["GET", "HEAD", "POST"])
@step_up_first
def data(request: PersonRequest) -> HttpResponseBase:
    """Shows the sections of the download of personal data. A POST request downloads the data as
    JSON, or as CSV files in a ZIP file.
    """
    if request.method != "POST":
        return render(request, "transactions/privacy/data.html")
    allowed = consume(
        request, app="transactions", action="download_data", config=RATE, user=request.user
    )
    if not allowed:
        messages.error(request, TOO_MANY)
        return render(request, "transactions/privacy/data.html", status=429)
    return _download(request, is_json=request.POST.get("format") == "json")


def _download(request: PersonRequest, *, is_json: bool) -> StreamingHttpResponse:
    now = timezone.localtime()
    name = f"ledger-{now.date().isoformat()}.{'json' if is_json else 'zip'}"
    return StreamingHttpResponse(
        as_json(request.user) if is_json else as_zip(request.user, now),
        content_type="application/json" if is_json else "application/zip",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@require_http_methods(["GET", "HEAD", "POST"])
@step_up_first
def leave_bank(request: PersonRequest) -> HttpResponse:
    """Shows the obstacles to leaving the bank, and the effects of leaving. A POST request closes
    the person's accounts and sign-in.
    """
    if request.method == "POST":
        try:
            leave(person=request.user)
        except CannotLeave:
            return redirect("transactions:leave")  # the page shows the obstacles
        logout(request)
        messages.success(request, LEFT)
        return redirect("account_login")
    context = {"obstacles": obstacles(request.user), "erased_after": erased_after()}
    return render(request, "transactions/privacy/leave.html", context)


@login_not_required
@require_safe
def privacy(request: HttpRequest) -> HttpResponse:
    """Shows the retention periods and the cookies. Visitors who are not signed in may see the
    page.
    """
    context = {"kept": kept(), "not_in_logs": not_in_logs(), "cookies": cookies()}
    return render(request, "transactions/privacy/privacy.html", context)

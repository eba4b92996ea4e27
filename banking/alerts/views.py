"""The pages of a person's alerts."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.requests import PersonRequest
from banking.alerts.forms import AlertChoiceForm, AlertTimesForm
from banking.alerts.links import end_mails, have_ended, mail_kind_of
from banking.alerts.models import Alert, AlertChoice, AlertKind
from banking.alerts.reads import HELP, chosen_kinds, line_of_choice, lines_of
from banking.alerts.services import choose, drop, mark_read, set_times
from banking.alerts.times import times_of
from banking.alerts.unread import UnreadAlerts
from ledger.text.dates import moment_in_utc
from transactions.exceptions import LedgerError

ALERTS_PER_PAGE = 50


@require_safe
def alert_list(request: PersonRequest) -> HttpResponse:
    """Shows the alerts of the signed-in person, newest first."""
    mine = Alert.objects.owned_by(request.user).newest_first()
    page = Paginator(mine, ALERTS_PER_PAGE).get_page(request.GET.get("page"))
    alerts = list(page.object_list)
    context: dict[str, Any] = {"page": page, "lines": lines_of(alerts)}
    if alerts and page.number == 1:
        context["shown"] = " ".join(str(alert.pk) for alert in alerts if alert.read_at is None)
        context["before"] = alerts[-1].created_at.isoformat() if page.has_next() else ""
    context["unread_alerts"] = UnreadAlerts(request.user)
    if not alerts:
        context["chosen"] = AlertChoice.objects.owned_by(request.user).exists()
    return render(request, "alerts/list.html", context)


@require_POST
def read(request: PersonRequest) -> HttpResponse:
    """Marks alerts as read: the alerts that the page has shown, and all older alerts."""
    before = moment_in_utc(request.POST.get("before", ""))
    try:
        alert_ids = [UUID(id) for id in request.POST.get("shown", "").split()[:ALERTS_PER_PAGE]]
    except ValueError:
        return redirect("transactions:alerts")
    mark_read(owner=request.user, alert_ids=alert_ids, before=before)
    return redirect("transactions:alerts")


@require_safe
def choices(request: PersonRequest) -> HttpResponse:
    """Shows the signed-in person's choices of alerts."""
    context = {"kinds": chosen_kinds(request.user), "times": times_of(request.user.pk)}
    return render(request, "alerts/choices.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def choice(request: PersonRequest, kind: str) -> HttpResponse:
    """Shows the form for one kind of alert. A POST saves the choice. The form contains the values
    of the person's existing choice for the account in the URL.
    """
    if kind not in AlertKind.values:
        raise Http404
    which = AlertKind(kind)
    saved = _saved(request, which)
    data = request.POST if request.method == "POST" else None
    form = AlertChoiceForm(data, owner=request.user, kind=which, saved=saved)
    if form.is_valid():
        replaced = _replaced(request, which, form, saved)
        try:
            choose(owner=request.user, kind=which, **form.cleaned_data)
        except LedgerError as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, f"{which.label}: you will get alerts.{replaced}")
            return redirect("transactions:alert_choices")
    context = {"form": form, "kind": which, "help": HELP[which], "saved": saved}
    return render(request, "alerts/choice.html", context)


@require_POST
def choice_remove(request: PersonRequest, pk: Any) -> HttpResponse:
    """Deletes one of the person's choices of alerts."""
    found = get_object_or_404(AlertChoice.objects.owned_by(request.user), pk=pk)
    drop(choice=found)
    messages.success(request, f"{AlertKind(found.kind).label}: you will no longer get alerts.")
    return redirect("transactions:alert_choices")


@require_http_methods(["GET", "HEAD", "POST"])
def times(request: PersonRequest) -> HttpResponse:
    """Shows the form for the times of emails. A POST saves the times."""
    data = request.POST if request.method == "POST" else None
    form = AlertTimesForm.of(data, times_of(request.user.pk))
    if form.is_valid():
        set_times(owner=request.user, **form.cleaned_data)
        messages.success(request, "The times of your mails are saved.")
        return redirect("transactions:alert_choices")
    context = {"form": form, "zone": settings.TIME_ZONE}
    return render(request, "alerts/times.html", context)


@login_not_required
@csrf_exempt  # mail programs send the POST without opening our page
@require_http_methods(["GET", "HEAD", "POST"])
def mails_end(request: HttpRequest, token: str) -> HttpResponse:
    """Shows the page of the unsubscribe link in an email. A POST turns these emails off. An email
    program can send this POST for its user.
    """
    which = mail_kind_of(token)
    if which is None:
        raise Http404
    had_ended = have_ended(which)
    if request.method == "POST":
        end_mails(which)
    is_ended = had_ended or request.method == "POST"
    context = {"which": which, "is_ended": is_ended, "had_ended": had_ended}
    return render(request, "alerts/mails_end.html", context)


def _replaced(
    request: PersonRequest, kind: AlertKind, form: AlertChoiceForm, saved: AlertChoice | None
) -> str:
    """Returns a message about the existing choice that the form will overwrite, or "" if there is
    none. Also returns "" if this choice is `saved`, because the form showed the values of `saved`.
    """
    mine = AlertChoice.objects.owned_by(request.user).filter(kind=kind).select_related("account")
    old = mine.filter(account=form.cleaned_data.get("account")).first()
    return f" This replaces: {line_of_choice(old).sentence}." if old and old != saved else ""


def _saved(request: PersonRequest, kind: AlertKind) -> AlertChoice | None:
    mine = AlertChoice.objects.owned_by(request.user).filter(kind=kind).select_related("account")
    if not kind.is_of_account:
        return mine.first()
    try:
        account = UUID(request.GET.get("account", ""))
    except ValueError:
        return None
    return mine.filter(account=account).first()

"""The pages of a person's webhooks. The user must have confirmed their identity recently for
actions that could send events to another URL.
"""

import functools
from collections.abc import Callable
from typing import Any
from uuid import UUID

from allauth.core.internal.ratelimit import consume
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.exceptions import LedgerError
from accounts.requests import PersonRequest
from accounts.security.step_up import step_up_first
from banking.events import services, signing
from banking.events.forms import KindsForm, WebhookForm
from banking.events.models import Webhook, WebhookDelivery
from transactions.models import EventKind

DELIVERIES_PER_PAGE = 25
RATE = {"add_webhook": "20/h/user"}
TOO_MANY = "You have tried twenty addresses within an hour. Try again in an hour."
WebhookView = Callable[[PersonRequest, UUID], HttpResponse]


def missing_is_404(view: WebhookView) -> WebhookView:
    """Wraps a view of a webhook. The returned view responds with 404 if the webhook was removed in
    the meantime.
    """

    @functools.wraps(view)
    def guarded(request: PersonRequest, pk: UUID) -> HttpResponse:
        try:
            return view(request, pk)
        except services.WebhookNotFound as removed:
            raise Http404 from removed

    return guarded


@require_safe
def webhook_list(request: PersonRequest) -> HttpResponse:
    """Shows the webhooks of the signed-in person, newest first."""
    webhooks = Webhook.objects.owned_by(request.user)
    return render(request, "events/list.html", {"webhooks": webhooks})


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@step_up_first
def webhook_new(request: PersonRequest) -> HttpResponse:
    """Shows the form for a new webhook. A POST registers the URL and shows the secret, which cannot
    be shown again.
    """
    if request.method != "POST":
        return _form(request, WebhookForm(initial={"kinds": EventKind.values}))
    form = WebhookForm(request.POST)
    if not form.is_valid():
        return _form(request, form)
    if not consume(request, app="transactions", action="add_webhook", config=RATE,
                   user=request.user):  # fmt: skip
        form.add_error(None, TOO_MANY)
        return _form(request, form, status=429)
    try:
        webhook, secret = services.add_webhook(owner=request.user, **form.cleaned_data)
    except LedgerError as refusal:
        form.add_error("url", str(refusal))
        return _form(request, form)
    return _secret(request, webhook, secret)


@require_safe
def webhook_page(request: PersonRequest, pk: UUID) -> HttpResponse:
    """Shows one webhook and its deliveries, newest first."""
    webhook = _own(request, pk)
    deliveries = webhook.deliveries.order_by("-tried_at", "-pk")
    page = Paginator(deliveries, DELIVERIES_PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "webhook": webhook,
        "page": page,
        "plans": _plans(webhook),
        "kinds": [EventKind(kind).label for kind in webhook.kinds],
        "form": KindsForm(initial={"kinds": webhook.kinds}),
        "old_until": signing.old_valid_until(webhook.secrets, timezone.now()),
    }
    return render(request, "events/page.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@step_up_first
@missing_is_404
def webhook_secret(request: PersonRequest, pk: UUID) -> HttpResponse:
    """Shows a confirmation page. A POST creates a new secret and shows it. The page cannot show the
    secret again.
    """
    webhook = _own(request, pk)
    if request.method != "POST":
        return render(request, "events/rotate.html", {"webhook": webhook})
    return _secret(request, *services.rotate_secret(owner=request.user, webhook=webhook.pk))


@require_http_methods(["GET", "HEAD", "POST"])
@step_up_first
@missing_is_404
def webhook_on(request: PersonRequest, pk: UUID) -> HttpResponse:
    """Shows a confirmation page. A POST turns the webhook on again."""
    webhook = _own(request, pk)
    if request.method != "POST":
        return render(request, "events/turn_on.html", {"webhook": webhook})
    services.turn_on(owner=request.user, webhook=webhook.pk)
    messages.success(request, "The webhook is on.")
    return redirect("transactions:webhook", webhook.pk)


@require_POST
@missing_is_404
def webhook_off(request: PersonRequest, pk: UUID) -> HttpResponse:
    """Turns the webhook off. Later events are neither recorded for the webhook nor sent to it."""
    services.turn_off(owner=request.user, webhook=_own(request, pk).pk)
    messages.success(request, "The webhook is off. We do not record events while it is off.")
    return redirect("transactions:webhook", pk)


@require_POST
@missing_is_404
def webhook_kinds(request: PersonRequest, pk: UUID) -> HttpResponse:
    """Saves the kinds of events that are sent to the webhook."""
    webhook, form = _own(request, pk), KindsForm(request.POST)
    if form.is_valid():
        services.choose_kinds(owner=request.user, webhook=webhook.pk, **form.cleaned_data)
        messages.success(request, "Your choice of events is saved.")
    else:
        messages.error(request, "Choose at least one kind of event.")
    return redirect("transactions:webhook", webhook.pk)


@require_http_methods(["GET", "HEAD", "POST"])
@missing_is_404
def webhook_remove(request: PersonRequest, pk: UUID) -> HttpResponse:
    """Shows a confirmation page. A POST removes the webhook permanently."""
    webhook = _own(request, pk)
    if request.method != "POST":
        return render(request, "events/remove.html", {"webhook": webhook})
    services.remove_webhook(owner=request.user, webhook=webhook.pk)
    messages.success(request, "The webhook is removed.")
    return redirect("transactions:webhooks")


@require_POST
def delivery_again(request: PersonRequest, pk: UUID) -> HttpResponse:
    """Schedules one delivery to be sent again."""
    delivery = get_object_or_404(WebhookDelivery, pk=pk, webhook__owner=request.user)
    _own(request, delivery.webhook_id)
    try:
        services.send_again(owner=request.user, delivery=delivery.pk)
    except LedgerError as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, "We send the event again in a moment, with the same id.")
    return redirect("transactions:webhook", delivery.webhook_id)


def _own(request: PersonRequest, pk: UUID) -> Webhook:
    found: Webhook = get_object_or_404(Webhook.objects.owned_by(request.user), pk=pk)
    return found


def _form(request: PersonRequest, form: WebhookForm, status: int = 200) -> HttpResponse:
    return render(request, "events/new.html", {"form": form}, status=status)


def _secret(request: PersonRequest, webhook: Webhook, secret: str) -> HttpResponse:
    context = {"webhook": webhook, "secret": secret}
    return render(request, "events/secret.html", context)


def _plans(webhook: Webhook) -> list[dict[str, Any]]:
    """Returns a dict for each account whose next event could not be delivered. Each dict contains
    the account's name, the time of the first failure, the time of the next attempt, and the number
    of attempts.
    """
    failing = webhook.queues.exclude(failing_since=None).select_related("account")
    return [
        {
            "account": queue.account.name,
            "since": queue.failing_since,
            "next_at": max(filter(None, (queue.next_at, webhook.paused_until))),
            "attempts": queue.attempts,
        }
        for queue in failing.order_by("account_id")
    ]

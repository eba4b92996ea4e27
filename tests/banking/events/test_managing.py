"""What people do with their webhooks: the services, and the pages that ask first or refuse."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from django.contrib.messages import get_messages
from django.http import Http404, HttpResponse
from django.test import Client, RequestFactory
from django.utils import timezone

from accounts.models import User
from accounts.sign_in import notices
from banking.events import services, signing, targets, views
from banking.events.models import Webhook, WebhookDelivery
from banking.events.services import WebhookNotActive, WebhookNotFound
from ledger.db.ids import uuid7
from ledger.web import security_log
from tests.banking.events.shared import webhook_of
from tests.factories import UserFactory
from transactions.models import EventKind

pytestmark = pytest.mark.django_db
URL = "https://shop.example/hook"
NEW = "/webhooks/new/"
Recorded = list[tuple[str, dict[str, Any]]]


@pytest.fixture
def ana() -> User:
    ana: User = UserFactory()
    return ana


@pytest.fixture
def browser(client: Client, ana: User) -> Client:
    client.force_login(ana)
    return client


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Recorded:
    """The lines of the security log."""
    lines: Recorded = []
    monkeypatch.setattr(security_log, "record", lambda event, **facts: lines.append((event, facts)))
    return lines


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[User, str]]:
    """Whom a notice was mailed to, and its text."""
    sent: list[tuple[User, str]] = []
    monkeypatch.setattr(
        notices, "notify", lambda person, notice: sent.append((person, notice.text))
    )
    return sent


def facts_of(webhook: Webhook) -> Any:
    return Webhook.objects.filter(pk=webhook.pk).values().get()


def delivery_of(webhook: Webhook, status: str = "failed") -> WebhookDelivery:
    now = timezone.now()
    return WebhookDelivery.objects.create(
        webhook=webhook, account_id=uuid7(), number=1, kind="posted", at=now, tried_at=now,
        status=status, answer_code=503, attempts=3,
    )  # fmt: skip


def test_an_added_webhook_is_told_of_the_chosen_kinds_and_its_owner_by_mail(
    ana: User, recorded: Recorded, told: list[tuple[User, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(targets, "look_up", lambda _host, _port: ["8.8.8.8"])
    webhook, secret = services.add_webhook(owner=ana, url=URL, kinds=("posted", "held"))
    stored = Webhook.objects.get()
    assert (stored, stored.owner, stored.url) == (webhook, ana, URL)
    assert (stored.kinds, stored.status) == (["posted", "held"], "active")
    now = timezone.now()
    sent = {"kept": stored.secrets, "message": webhook.pk, "body": b"", "now": now}
    assert signing.headers(**sent) == signing.headers(**{**sent, "kept": signing.stored(secret)})
    assert recorded == [("webhook.added", {"person": ana, "webhook": webhook.pk})]
    ((person, text),) = told
    assert person == ana
    assert URL in text


def test_an_address_within_the_bank_is_no_webhook(
    ana: User, recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(targets, "look_up", lambda _host, _port: ["10.0.0.1"])
    for url in (URL, "http://shop.example/hook"):
        with pytest.raises(targets.AddressRefused):
            services.add_webhook(owner=ana, url=url, kinds=["posted"])
    assert not Webhook.objects.exists()
    assert recorded == []


def test_only_an_active_webhook_is_turned_off_and_only_another_on(
    ana: User, recorded: Recorded
) -> None:
    webhook = webhook_of(ana)
    for status, reason, turn, after in (
        ("active", "", services.turn_off, ("paused", "")),
        ("disabled", "Gone", services.turn_off, ("disabled", "Gone")),
        ("disabled", "Gone", services.turn_on, ("active", "")),
        ("paused", "", services.turn_on, ("active", "")),
        ("active", "Kept", services.turn_on, ("active", "Kept")),
    ):
        Webhook.objects.update(status=status, reason=reason)
        found = turn(owner=ana, webhook=webhook.pk)
        stored = Webhook.objects.get()
        assert (found, found.status, found.reason) == (webhook, *after)
        assert (stored.status, stored.reason) == after
    assert recorded == [("webhook.turned_on", {"person": ana, "webhook": webhook.pk})] * 3


def test_a_new_secret_leaves_the_old_one_a_day_and_its_owner_is_told(
    ana: User, recorded: Recorded, told: list[tuple[User, str]]
) -> None:
    old = signing.stored(signing.new_secret())
    webhook = webhook_of(ana, secrets=old)
    found, secret = services.rotate_secret(owner=ana, webhook=webhook.pk)
    stored = Webhook.objects.get()
    assert (found, found.secrets) == (webhook, stored.secrets)
    assert [each["until"] is None for each in stored.secrets] == [True, False]
    assert stored.secrets[1]["secret"] == old[0]["secret"]
    assert secret.startswith("whsec_")
    assert recorded == [("webhook.rotated", {"person": ana, "webhook": webhook.pk})]
    ((person, text),) = told
    assert person == ana
    assert webhook.url in text


def test_kinds_are_chosen_and_a_removed_webhook_keeps_no_secret(
    ana: User, recorded: Recorded
) -> None:
    webhook = webhook_of(ana, secrets=signing.stored("whsec_"))
    assert services.choose_kinds(owner=ana, webhook=webhook.pk, kinds=("held",)).kinds == ["held"]
    assert Webhook.objects.get().kinds == ["held"]
    assert recorded == []
    assert services.remove_webhook(owner=ana, webhook=webhook.pk) == webhook
    stored = Webhook.objects.get()
    assert (stored.status, stored.secrets, stored.kinds) == ("removed", [], ["held"])
    assert recorded == [("webhook.removed", {"person": ana, "webhook": webhook.pk})]


def test_a_webhook_of_somebody_else_or_a_removed_one_is_not_found(
    ana: User, recorded: Recorded
) -> None:
    others: list[Callable[..., Any]] = [
        services.turn_off, services.turn_on, services.rotate_secret, services.remove_webhook,
        lambda **which: services.choose_kinds(kinds=["held"], **which),
    ]  # fmt: skip
    for webhook in (webhook_of(UserFactory()), webhook_of(ana, status="removed")):
        before = facts_of(webhook)
        for change in others:
            with pytest.raises(WebhookNotFound):
                change(owner=ana, webhook=webhook.pk)
        assert facts_of(webhook) == before
    assert recorded == []


def test_a_delivery_that_has_ended_is_sent_again_while_its_webhook_is_on(ana: User) -> None:
    webhook = webhook_of(ana)
    failed, sending = delivery_of(webhook), delivery_of(webhook, "sending")
    others = delivery_of(webhook_of(UserFactory()))
    for id in (others.pk, uuid7()):
        with pytest.raises(WebhookNotFound):
            services.send_again(owner=ana, delivery=id)
    Webhook.objects.update(status="paused")
    with pytest.raises(WebhookNotActive):
        services.send_again(owner=ana, delivery=failed.pk)
    assert not WebhookDelivery.objects.exclude(again_at=None).exists()
    Webhook.objects.update(status="active")
    for delivery in (failed, sending):
        assert services.send_again(owner=ana, delivery=delivery.pk) == delivery
    assert list(WebhookDelivery.objects.exclude(again_at=None)) == [failed]


# The pages


def test_the_form_of_a_new_webhook_begins_with_all_kinds_and_stays_after_a_mistake(
    browser: Client,
) -> None:
    form = browser.get(NEW).context["form"]
    assert (form.is_bound, form.initial) == (False, {"kinds": EventKind.values})
    page = browser.post(NEW, {"url": URL, "kinds": []})
    assert (page.status_code, [*page.context["form"].errors]) == (200, ["kinds"])
    assert not Webhook.objects.exists()


def test_too_many_addresses_within_an_hour_are_refused(
    browser: Client, ana: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = list[dict[str, Any]]()
    monkeypatch.setattr(views, "consume", lambda _request, **facts: counted.append(facts))
    page = browser.post(NEW, {"url": URL, "kinds": ["held"]})
    assert page.status_code == 429
    assert page.context["form"].errors == {"__all__": [views.TOO_MANY]}
    assert not Webhook.objects.exists()
    (facts,) = counted
    assert facts == {
        "app": "transactions", "action": "add_webhook", "config": views.RATE, "user": ana,
    }  # fmt: skip


@pytest.mark.parametrize("name", ["secret", "on", "remove"])
def test_a_page_asks_before_it_changes_a_webhook(name: str, browser: Client, ana: User) -> None:
    webhook = webhook_of(ana, status="paused")
    before = facts_of(webhook)
    page = browser.get(f"/webhooks/{webhook.pk}/{name}/")
    assert page.status_code == 200
    assert page.context["webhook"] == webhook
    assert facts_of(webhook) == before


def test_the_page_says_why_a_delivery_is_not_sent_again(browser: Client, ana: User) -> None:
    webhook = webhook_of(ana, status="paused")
    delivery = delivery_of(webhook)
    page = browser.post(f"/webhooks/deliveries/{delivery.pk}/again/")
    assert page.headers["Location"] == f"/webhooks/{webhook.pk}/"
    assert [message.level_tag for message in get_messages(page.wsgi_request)] == ["error"]
    others = delivery_of(webhook_of(UserFactory()))
    removed = delivery_of(webhook_of(ana, status="removed"))
    for hidden in (others, removed):
        answer = browser.post(f"/webhooks/deliveries/{hidden.pk}/again/")
        assert answer.status_code == 404
    assert not WebhookDelivery.objects.exclude(again_at=None).exists()


def test_a_webhook_that_is_removed_during_a_request_is_404() -> None:
    answer, id = HttpResponse(), uuid7()

    def found(_request: Any, pk: UUID) -> HttpResponse:
        assert pk == id
        return answer

    def removed(_request: Any, _pk: UUID) -> HttpResponse:
        raise WebhookNotFound

    request: Any = RequestFactory().post("/")
    assert views.missing_is_404(found)(request, id) is answer
    with pytest.raises(Http404):
        views.missing_is_404(removed)(request, id)

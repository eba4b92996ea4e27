"""The pages of webhooks: added with a step-up, the secret shown once, deliveries sent again."""

import logging
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from typing import Any
from uuid import UUID

import pytest
from cryptography.fernet import InvalidToken
from django.core import mail
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import services as account_services
from accounts.models import Account, User
from banking.events import services as event_services
from banking.events import signing, targets, views
from banking.events.models import AccountEvent, Webhook, WebhookDelivery, WebhookQueue
from banking.events.services import MAX_WEBHOOKS, SameWebhook, TooManyWebhooks, WebhookNotActive
from tests.banking.events.shared import webhook_of
from tests.factories import AccountFactory, UserFactory
from tests.pages import text_of
from transactions import services
from transactions.models import EventKind
from transactions.privacy.erasure import erase
from transactions.privacy.leaving import leave
from transactions.privacy.personal_data import all_sections
from transactions.privacy.retention import apply_retention

pytestmark = pytest.mark.django_db
URL = "https://shop.example/hook"


@pytest.fixture(autouse=True)
def resolver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(targets, "look_up", lambda _host, _port: ["8.8.8.8"])


@pytest.fixture
def ana(client: Client) -> User:
    ana: User = UserFactory(name="Ana")
    client.force_login(ana)
    return ana


def _delivery(webhook: Webhook, account: Account, **columns: Any) -> WebhookDelivery:
    values = {
        "number": 1, "kind": "posted", "at": timezone.now(), "tried_at": timezone.now(),
        "status": "failed", "answer_code": 503, "attempts": 3, **columns,
    }  # fmt: skip
    return WebhookDelivery.objects.create(webhook=webhook, account=account, **values)


@pytest.mark.django_db(transaction=True)
def test_a_webhook_is_added_and_its_secret_shown_once(client: Client, ana: User) -> None:
    page = client.post(reverse("transactions:webhook_new"), {"url": URL, "kinds": ["posted"]})
    webhook = Webhook.objects.get(owner=ana)
    secret = page.context["secret"]
    assert secret.startswith("whsec_")
    assert secret in text_of(page)
    assert secret not in str(webhook.secrets)
    assert [message.to for message in mail.outbox] == [[ana.email]]
    for name, arguments in (("webhooks", []), ("webhook", [webhook.pk])):
        page = client.get(reverse(f"transactions:{name}", args=arguments))
        assert URL in text_of(page)
        assert secret not in text_of(page)


def test_an_address_that_is_refused_stays_typed_with_a_sentence(client: Client, ana: User) -> None:
    form = {"url": "http://shop.example/", "kinds": ["posted"]}
    page = client.post(reverse("transactions:webhook_new"), form)
    assert page.context["form"].errors["url"]
    assert "http://shop.example/" in page.content.decode()
    assert not Webhook.objects.exists()


def test_a_person_has_few_webhooks_and_each_address_once(ana: User) -> None:
    event_services.add_webhook(owner=ana, url=URL, kinds=["posted"])
    with pytest.raises(SameWebhook):
        event_services.add_webhook(owner=ana, url=URL, kinds=["held"])
    for number in range(MAX_WEBHOOKS - 1):
        event_services.add_webhook(owner=ana, url=f"{URL}/{number}", kinds=["posted"])
    with pytest.raises(TooManyWebhooks):
        event_services.add_webhook(owner=ana, url=f"{URL}/x", kinds=["posted"])
    event_services.remove_webhook(owner=ana, webhook=Webhook.objects.get(url=URL).pk)
    event_services.add_webhook(owner=ana, url=URL, kinds=["posted"])


def test_the_page_shows_deliveries_and_when_the_next_is_tried(client: Client, ana: User) -> None:
    account = AccountFactory(user=ana, name="Shop", balance="10")
    webhook = webhook_of(ana)
    delivery = _delivery(
        webhook, account, error="The address answered that it did not accept the event."
    )
    soon = timezone.now() + timedelta(hours=1)
    WebhookQueue.objects.update(failing_since=timezone.now(), next_at=soon, attempts=3)
    page = client.get(reverse("transactions:webhook", args=[webhook.pk]))
    said = text_of(page)
    assert str(delivery.pk) in said
    assert "503" in said
    assert "Attempt 4" in said
    assert page.context["plans"][0]["next_at"] == soon


def test_a_delivery_is_sent_again_by_a_button(client: Client, ana: User) -> None:
    webhook = webhook_of(ana)
    delivery = _delivery(webhook, AccountFactory(user=ana))
    client.post(reverse("transactions:delivery_again", args=[delivery.pk]))
    delivery.refresh_from_db()
    assert delivery.again_at is not None
    event_services.turn_off(owner=ana, webhook=webhook.pk)
    with pytest.raises(WebhookNotActive):
        event_services.send_again(owner=ana, delivery=delivery.pk)


def test_what_is_being_sent_has_no_button_to_send_it_again(client: Client, ana: User) -> None:
    webhook = webhook_of(ana)
    delivery = _delivery(webhook, AccountFactory(user=ana))
    again = reverse("transactions:delivery_again", args=[delivery.pk])
    page = reverse("transactions:webhook", args=[webhook.pk])
    for status, is_there in (("delivered", True), ("failed", True), ("sending", False)):
        WebhookDelivery.objects.update(status=status)
        assert (again in client.get(page).content.decode()) is is_there


def test_off_on_kinds_secret_and_removal_by_their_pages(client: Client, ana: User) -> None:
    webhook = webhook_of(ana, secrets=signing.stored(signing.new_secret()))

    def press(name: str, **form: Any) -> Any:
        return client.post(reverse(f"transactions:webhook_{name}", args=[webhook.pk]), form)

    def now() -> Webhook:
        return Webhook.objects.get(pk=webhook.pk)

    press("off")
    assert now().status == "paused"
    press("on")
    assert now().status == "active"
    press("kinds", kinds=["held", "voided"])
    assert now().kinds == ["held", "voided"]
    press("kinds", kinds=["nonsense"])
    assert now().kinds == ["held", "voided"]
    assert press("secret").context["secret"].startswith("whsec_")
    assert [each["until"] is None for each in now().secrets] == [True, False]
    press("remove")
    assert (now().status, now().secrets) == ("removed", [])
    assert client.get(reverse("transactions:webhook", args=[webhook.pk])).status_code == 404


@pytest.mark.parametrize("button", ["off", "on", "kinds", "secret", "remove"])
def test_a_webhook_that_is_removed_at_that_moment_is_not_found(
    button: str, client: Client, ana: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook = webhook_of(ana)

    def found_before_it_is_removed(_request: Any, pk: UUID) -> Webhook:
        event_services.remove_webhook(owner=ana, webhook=pk)
        return webhook

    monkeypatch.setattr(views, "_own", found_before_it_is_removed)
    page = reverse(f"transactions:webhook_{button}", args=[webhook.pk])
    assert client.post(page, {"kinds": ["held"]}).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_who_leaves_the_bank_has_no_webhook_any_more() -> None:
    account = AccountFactory()
    webhook_of(account.user)
    leave(person=account.user)
    assert Webhook.objects.get().status == "removed"


def test_what_was_delivered_goes_after_its_keeping_time_and_nothing_else(settings: Any) -> None:
    account = AccountFactory(balance="10")
    webhook = webhook_of(account.user)
    for _ in range(2):
        services.deposit(to_account=account, amount=Decimal(1))
    WebhookQueue.objects.update(position=1)
    _delivery(webhook, account, number=1, status="delivered")
    _delivery(webhook, account, number=2)
    later = timezone.now() + timedelta(days=settings.LEDGER_KEEP_EVENTS_DAYS, minutes=1)
    apply_retention(later)
    assert [event.number for event in AccountEvent.objects.all()] == [2]
    assert [delivery.number for delivery in WebhookDelivery.objects.all()] == [2]
    Webhook.objects.update(status="removed")
    apply_retention(later)
    assert not AccountEvent.objects.exists()
    assert not Webhook.objects.exists()


def test_secrets_are_encrypted_anew_with_another_key(settings: Any) -> None:
    secret = signing.new_secret()
    webhook_of(UserFactory(), secrets=signing.stored(secret))
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another" * 9
    call_command("reencrypt_webhooks", stdout=StringIO())
    settings.SECRET_KEY_FALLBACKS = []
    webhook, now = Webhook.objects.get(), timezone.now()
    assert signing.headers(webhook.secrets, webhook.pk, b"", now)
    settings.SECRET_KEY = "a third" * 9
    with pytest.raises(InvalidToken):
        signing.headers(webhook.secrets, webhook.pk, b"", now)


@pytest.mark.parametrize("part", [1, 100])
def test_a_secret_of_an_unknown_key_is_named_and_the_others_are_encrypted(
    settings: Any, monkeypatch: pytest.MonkeyPatch, part: int
) -> None:
    monkeypatch.setattr("ledger.db.locking.parts.PART", part)
    unknown = [{**signing.stored("")[0], "secret": "of another key"}]
    bad = webhook_of(UserFactory(), secrets=unknown)
    good = webhook_of(UserFactory(), secrets=signing.stored(signing.new_secret()))
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another" * 9
    with pytest.raises(CommandError) as refusal:
        call_command("reencrypt_webhooks", stdout=StringIO())
    assert str(bad.pk) in str(refusal.value)
    assert str(good.pk) not in str(refusal.value)
    settings.SECRET_KEY_FALLBACKS = []
    good.refresh_from_db()
    assert signing.headers(good.secrets, good.pk, b"", timezone.now())


def test_a_secret_that_no_longer_counts_is_not_encrypted_anew() -> None:
    yesterday = timezone.now() - timedelta(days=1, minutes=1)
    unknown = [{**signing.stored("")[0], "secret": "of another key"}]
    webhook = webhook_of(
        UserFactory(), secrets=signing.rotated(unknown, signing.new_secret(), yesterday)
    )
    call_command("reencrypt_webhooks", stdout=StringIO())
    webhook.refresh_from_db()
    assert [secret["until"] for secret in webhook.secrets] == [None]


def test_the_security_log_tells_ids_alone(
    ana: User, caplog: pytest.LogCaptureFixture, django_capture_on_commit_callbacks: Any
) -> None:
    with (
        caplog.at_level(logging.INFO, "ledger.security"),
        django_capture_on_commit_callbacks(execute=True),
    ):
        webhook, secret = event_services.add_webhook(owner=ana, url=URL, kinds=EventKind.values)
    said = [record.getMessage() for record in caplog.records]
    lines = [line for line in said if "webhook.added" in line]
    assert len(lines) == 1
    assert str(webhook.pk) in lines[0]
    assert secret not in caplog.text
    assert "shop.example" not in lines[0]


def test_webhooks_are_in_the_download_and_go_when_their_owner_is_erased() -> None:
    account = AccountFactory()
    webhook = webhook_of(account.user, url=URL)
    _delivery(webhook, account)
    (section,) = [each for each in all_sections() if each.name == "webhooks"]
    assert [row[0] for row in section.rows(account.user)] == [URL]
    account_services.close_account(account=account, reason="Asked")
    User.objects.filter(pk=account.user.pk).update(deleted_at=timezone.now())
    erase(User.objects.get(pk=account.user_id))
    assert not Webhook.objects.exists()
    assert not WebhookDelivery.objects.exists()

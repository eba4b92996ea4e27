"""The actions that people take on their webhooks. Each function is one database transaction."""

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction as db_transaction
from django.db.models.functions import Now
from django.utils import timezone

from accounts.exceptions import LedgerError
from accounts.models import User
from accounts.sign_in import notices
from banking.events import signing, targets
from banking.events.models import Webhook, WebhookDelivery
from ledger.db.retry import with_retry
from ledger.web import security_log

MAX_WEBHOOKS = 5  # maximum number of one person
IF_NOT_YOU = "If it was not you, remove it on the page Webhooks and contact the bank immediately."


class TooManyWebhooks(LedgerError):
    """The person already has the maximum number of webhooks."""


class SameWebhook(LedgerError):
    """The person already has a webhook with this URL."""


class WebhookNotFound(LedgerError):
    """This person has no webhook with this id, or has removed the webhook."""


class WebhookNotActive(LedgerError):
    """The webhook is turned off, so that nothing is sent to it."""


@with_retry
def add_webhook(*, owner: User, url: str, kinds: Sequence[str]) -> tuple[Webhook, str]:
    """Registers a URL. From now on, events of these kinds on all accounts of the owner are sent to
    the URL. Returns the webhook and its secret, which cannot be shown again.

    Looks up the host before the database transaction begins.

    Raises: AddressRefused if the URL cannot be used; SameWebhook if the owner has a webhook with
    this URL; TooManyWebhooks if the owner already has MAX_WEBHOOKS webhooks.
    """
    targets.resolve(targets.read(url), owner.pk)
    secret = signing.new_secret()
    with db_transaction.atomic(durable=True):
        owner = User.objects.lock_active(owner.pk)
        own = Webhook.objects.owned_by(owner)
        if own.filter(url=url).exists():
            raise SameWebhook("You already have a webhook with this address.")
        if own.count() >= MAX_WEBHOOKS:
            raise TooManyWebhooks(f"Limit: {MAX_WEBHOOKS} webhooks. Remove one first.")
        webhook = Webhook.objects.create(
            owner=owner, url=url, kinds=list(kinds), secrets=signing.stored(secret)
        )
        _notify(
            webhook, "A webhook was added", f"Ledger now sends events of your accounts to {url}."
        )
    security_log.record("webhook.added", person=owner, webhook=webhook.pk)
    return webhook, secret


@with_retry
def rotate_secret(*, owner: User, webhook: UUID) -> tuple[Webhook, str]:
    """Creates a new secret for the webhook. Returns the webhook and the new secret. The previous
    secret is valid for one more day.

    Raises: WebhookNotFound.
    """
    secret = signing.new_secret()
    with db_transaction.atomic(durable=True):
        found = _locked(owner, webhook)
        found.secrets = signing.rotated(found.secrets, secret, timezone.now())
        found.save(update_fields=["secrets"])
        _notify(found, "A webhook has a new secret", f"The secret of {found.url} was replaced.")
    security_log.record("webhook.rotated", person=owner, webhook=webhook)
    return found, secret


@with_retry
def choose_kinds(*, owner: User, webhook: UUID, kinds: Sequence[str]) -> Webhook:
    """Replaces the kinds of events that are sent to the webhook. Returns the webhook.

    Raises: WebhookNotFound.
    """
    with db_transaction.atomic(durable=True):
        found = _locked(owner, webhook)
        found.kinds = list(kinds)
        found.save(update_fields=["kinds"])
    return found


@with_retry
def turn_off(*, owner: User, webhook: UUID) -> Webhook:
    """Turns the webhook off, and returns it. Later events are neither recorded for the webhook nor
    sent to it.

    Raises: WebhookNotFound.
    """
    with db_transaction.atomic(durable=True):
        found = _locked(owner, webhook)
        if found.is_active:
            found.status = Webhook.Status.PAUSED
            found.save(update_fields=["status"])
    return found


@with_retry
def turn_on(*, owner: User, webhook: UUID) -> Webhook:
    """Turns the webhook on, and returns it. Ledger first sends the recorded events that it has not
    delivered. Ledger recorded no events while the webhook was off.

    Raises: WebhookNotFound.
    """
    with db_transaction.atomic(durable=True):
        found = _locked(owner, webhook)
        if not found.is_active:
            found.status, found.reason = Webhook.Status.ACTIVE, ""
            found.save(update_fields=["status", "reason"])
    security_log.record("webhook.turned_on", person=owner, webhook=webhook)
    return found


@with_retry
def remove_webhook(*, owner: User, webhook: UUID) -> Webhook:
    """Removes the webhook permanently, and deletes its secrets. Returns the webhook.

    Raises: WebhookNotFound.
    """
    with db_transaction.atomic(durable=True):
        found = _locked(owner, webhook)
        found.remove()
    security_log.record("webhook.removed", person=owner, webhook=webhook)
    return found


@with_retry
def send_again(*, owner: User, delivery: UUID) -> WebhookDelivery:
    """Schedules a delivery to be sent once more, with the same id. The delivery does not wait for
    other events. Returns the delivery.

    Raises: WebhookNotFound, or WebhookNotActive if the webhook is turned off.
    """
    with db_transaction.atomic(durable=True):
        found = WebhookDelivery.objects.filter(pk=delivery, webhook__owner=owner).first()
        if found is None:
            raise WebhookNotFound("There is no such delivery.")
        if not _locked(owner, found.webhook_id).is_active:
            raise WebhookNotActive("This webhook is turned off. Turn it on first.")
        if found.status != WebhookDelivery.Status.SENDING:
            WebhookDelivery.objects.filter(pk=found.pk).update(again_at=Now())
    return found


def _locked(owner: User, webhook: UUID) -> Webhook:
    """Locks the owner's row and then the webhook's row (see Note [Lock of a person]). Returns the
    webhook.

    Raises: WebhookNotFound, and the errors of `lock_person`.
    """
    User.objects.lock_person(owner.pk)
    found = Webhook.objects.owned_by(owner).select_for_update(no_key=True).filter(pk=webhook)
    row = found.first()
    if row is None:
        raise WebhookNotFound("There is no such webhook.")
    return row


def _notify(webhook: Webhook, subject: str, text: str) -> None:
    notices.notify(webhook.owner, notices.Notice(subject, f"{text}\n\n{IF_NOT_YOU}"))

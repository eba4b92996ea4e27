"""Eve passes a row of Ana's directly to a service, without the page that would not find the row for
her.
"""

from collections.abc import Callable
from copy import deepcopy
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from banking.attachments.models import Attachment
from banking.events import services as webhooks
from banking.events.models import Webhook, WebhookDelivery
from banking.standing_orders.models import StandingOrder
from banking.standing_orders.services import OrderDraft, set_up
from ledger.db.ids import uuid7
from tests.attacks.bank import AttackedBank, Holder
from tests.banking.attachments.files import attached
from transactions.annotations.models import Annotation
from transactions.annotations.services import annotate
from transactions.exceptions import LedgerError
from transactions.models import Transaction

pytestmark = pytest.mark.django_db


@pytest.fixture
def bank(bank_of_the_module: AttackedBank) -> AttackedBank:
    return deepcopy(bank_of_the_module)


def order_from(owner: Holder, payer: Holder) -> StandingOrder:
    """Sets up an order of `owner` that `payer` would pay."""
    first = timezone.localdate() + timedelta(days=9)
    draft = OrderDraft(
        id=uuid7(), owner=owner.user, from_account=payer.everyday, to_account=owner.savings,
        amount=Decimal("5.83"), every="month", description="rent", first_on=first,
    )  # fmt: skip
    return set_up(draft)


def delivery_of(holder: Holder) -> WebhookDelivery:
    return WebhookDelivery.objects.get(webhook__owner=holder.user)


CALLS: dict[str, Callable[[Holder, Holder], object]] = {
    "attach": lambda by, whose: attached(whose.transactions["paid"], by.user),
    "annotate": lambda by, whose: annotate(
        transaction=whose.transactions["paid"], owner=by.user, text="mine", tags=["mine"]
    ),
    "order": order_from,
    "rotate": lambda by, whose: webhooks.rotate_secret(owner=by.user, webhook=whose.webhook.pk),
    "kinds": lambda by, whose: webhooks.choose_kinds(
        owner=by.user, webhook=whose.webhook.pk, kinds=["held"]
    ),
    "off": lambda by, whose: webhooks.turn_off(owner=by.user, webhook=whose.webhook.pk),
    "on": lambda by, whose: webhooks.turn_on(owner=by.user, webhook=whose.webhook.pk),
    "remove": lambda by, whose: webhooks.remove_webhook(owner=by.user, webhook=whose.webhook.pk),
    "again": lambda by, whose: webhooks.send_again(owner=by.user, delivery=delivery_of(whose).pk),
}
TOUCHED = (Annotation, Attachment, StandingOrder, Transaction, Webhook, WebhookDelivery)


def rows() -> list[object]:
    return [list(model.objects.order_by("pk").values()) for model in TOUCHED]


@pytest.mark.parametrize("name", CALLS)
def test_a_service_refuses_the_row_of_another(bank: AttackedBank, name: str) -> None:
    before = rows()

    with pytest.raises(LedgerError):
        CALLS[name](bank.eve, bank.ana)

    assert rows() == before
    CALLS[name](bank.ana, bank.ana)
    assert name == "on" or rows() != before

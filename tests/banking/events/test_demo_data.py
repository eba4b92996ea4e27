"""The demo's webhook has deliveries, and seeding sends nothing to anybody."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db.models import F

from banking.events import queues, sending, targets
from banking.events.models import Webhook, WebhookDelivery
from tests.transactions.demo.bank import NOON
from transactions import services
from transactions.demo import seeding

OPTIONS: dict[str, Any] = {"users": 24, "months": 2, "seed": 7, "now": NOON}


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name in ((targets, "look_up"), (sending, "send"), (sending, "_connected")):
        monkeypatch.setattr(module, name, lambda *_arguments, **_options: 1 / 0)


def facts() -> list[Any]:
    order = WebhookDelivery.objects.order_by("account_id", "number")
    return list(order.values_list("id", "kind", "status", "attempts", "tried_at"))


def test_the_demo_has_deliveries_and_one_that_failed(db: None) -> None:
    seeding.seed(**OPTIONS)
    webhook = Webhook.objects.get()
    assert (webhook.owner.email, webhook.status) == ("ana@example.com", "paused")
    outcomes = list(webhook.deliveries.values_list("status", "answer_code"))
    assert outcomes.count(("failed", 503)) == 1
    assert outcomes.count(("delivered", 200)) == len(outcomes) - 1 > 1
    soon = webhook.deliveries.filter(tried_at__range=(F("at"), F("at") + timedelta(minutes=1)))
    assert soon.count() == len(outcomes)


def test_no_worker_has_anything_to_send_to_it(db: None) -> None:
    seeding.seed(**OPTIONS)
    account = Webhook.objects.get().owner.accounts.filter(status="active")[0]
    services.deposit(to_account=account, amount=Decimal(10))
    assert queues.claim("a worker") is None


def test_a_run_that_was_interrupted_is_finished_and_delivers_nothing_twice(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(seeding, "_give_roles_and_passwords", lambda _users: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            seeding.seed(**OPTIONS)
    before = facts()
    seeding.seed(**OPTIONS)
    assert facts() == before
    assert Webhook.objects.get().status == "paused"


def test_while_the_demo_is_made_no_worker_takes_the_webhook(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[Any] = []
    release = seeding._release_holds

    def look(users: Any) -> None:
        assert Webhook.objects.get().is_active
        taken.append(queues.claim("a worker"))
        release(users)

    monkeypatch.setattr(seeding, "_release_holds", look)
    seeding.seed(**OPTIONS)
    assert taken == [None]

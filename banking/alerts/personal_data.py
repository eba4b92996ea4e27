"""The personal data in alerts, choices of alerts and email times, for exports and erasure."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet

from accounts.models import User
from banking.alerts.models import Alert, AlertChoice, AlertTimes
from transactions.privacy.keeping import in_days
from transactions.privacy.personal_data import (
    DataSection,
    KeptRow,
    PersonalData,
    Row,
    read,
    register,
)
from transactions.privacy.retention import delete_unlocked
from transactions.privacy.traces import Erased, Traces, naming

ALERT_COLUMNS = (
    "kind", "account", "about", "day", "amount", "balance", "detail", "written", "read", "mail",
    "mailed",
)  # fmt: skip


def _alert_choices(person: User) -> Iterable[Row]:
    chosen = AlertChoice.objects.filter(owner=person).order_by("created_at")
    return read(chosen, "kind", "account__number", "amount", "mail", "created_at")


def _alerts(person: User) -> Iterable[Row]:
    alerts = Alert.objects.filter(owner=person).order_by("created_at", "pk")
    columns = (
        "kind", "account__number", "about", "day", "amount", "balance", "detail", "created_at",
        "read_at", "mail", "mailed_at",
    )  # fmt: skip
    return read(alerts, *columns)


def _alert_times(person: User) -> Iterable[Row]:
    times = AlertTimes.objects.filter(owner=person)
    return read(times, "quiet_from", "quiet_until", "daily_at")


def _kept() -> list[KeptRow]:
    return [("Alerts", in_days(settings.LEDGER_KEEP_ALERTS_DAYS))]


def _delete_old(now: datetime) -> dict[str, int]:
    before = now - timedelta(days=settings.LEDGER_KEEP_ALERTS_DAYS)
    return {"alerts": delete_unlocked(Alert.objects.filter(created_at__lt=before))}


def _rows(person: User) -> Iterator[QuerySet[Any]]:
    yield Alert.objects.filter(owner=person)
    yield AlertChoice.objects.filter(owner=person)
    yield AlertTimes.objects.filter(owner=person)


def _texts(traces: Traces) -> Iterator[Erased]:
    yield from naming(traces, Alert, Q(owner__in=traces.known), {"detail": ""})


register(
    PersonalData(
        sections=(
            DataSection(
                "alert_choices", ("kind", "account", "amount", "mail", "chosen"), _alert_choices
            ),
            DataSection("alerts", ALERT_COLUMNS, _alerts),
            DataSection("alert_times", ("quiet_from", "quiet_until", "daily_at"), _alert_times),
        ),
        kept=_kept,
        delete_old=_delete_old,
        rows=_rows,
        texts=_texts,
    )
)

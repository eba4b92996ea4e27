"""The link in a mail by which its reader ends mails of its kind, signed in or not.

It is signed and never expires: a mail may be read years later. It can only end mails. POST does it,
as RFC 8058 asks of one click; programs that look at links before the reader does send no POST.
"""

from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.db import connection
from django.urls import reverse

from banking.alerts.models import AlertChoice, AlertKind, AlertMail
from ledger.db.rights.row_security import RowScope, reading

SALT = "banking.alerts.links"
DAILY = ""  # the kind of a daily mail


class MailKind(NamedTuple):
    """Whose mails of which kind; DAILY for the daily mail of all kinds."""

    person: UUID
    kind: str

    @property
    def label(self) -> str:
        return AlertKind(self.kind).label if self.kind else "Daily mail"

    @property
    def url(self) -> str:
        """The page that ends these mails, with the site's address; "" if that is not known."""
        return site_url(reverse("transactions:alert_mails_end", args=[token_of(self)]))


def token_of(which: MailKind) -> str:
    """What the link has at its end."""
    return signing.dumps([which.person.hex, which.kind], salt=SALT)


def site_url(path: str) -> str:
    """The address of a page for a mail, which has no request; "" without LEDGER_URL."""
    return f"{settings.LEDGER_URL}{path}" if settings.LEDGER_URL else ""


def mail_kind_of(token: str) -> MailKind | None:
    """What the link is for; None if it was not signed by us."""
    try:
        person, kind = signing.loads(token, salt=SALT)
    except signing.BadSignature:
        return None
    return MailKind(UUID(person), kind)


def have_ended(which: MailKind) -> bool:
    """Whether no alert of the person asks for these mails any more."""
    with reading(RowScope.AUDIT):  # the link is proof enough, but the reader is not signed in
        mine = AlertChoice.objects.filter(owner_id=which.person)
        if which.kind == DAILY:
            return not mine.filter(mail=AlertMail.DAILY).exists()
        return not mine.filter(kind=which.kind).exclude(mail=AlertMail.OFF).exists()


def end_mails(which: MailKind) -> None:
    """Ends these mails. The alerts stay on the page. Twice does no harm."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT stop_alert_mails(%s, %s)", [which.person, which.kind])

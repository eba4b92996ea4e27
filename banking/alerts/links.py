"""The link in a mail that ends mails of its kind. The reader does not have to be signed in.

The link is signed and never expires, because a mail may be read years later. It can only end mails.
Only POST ends them, as RFC 8058 requires for one-click links: programs that check links before the
reader opens them send no POST.
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
    """A kind of mail to one person. The kind is DAILY for the daily mail of all kinds."""

    person: UUID
    kind: str

    @property
    def label(self) -> str:
        return AlertKind(self.kind).label if self.kind else "Daily mail"

    @property
    def url(self) -> str:
        """The absolute URL of the page that ends these mails; "" without LEDGER_URL."""
        return site_url(reverse("transactions:alert_mails_end", args=[token_of(self)]))


def token_of(which: MailKind) -> str:
    """Returns the signed token at the end of the link."""
    return signing.dumps([which.person.hex, which.kind], salt=SALT)


def site_url(path: str) -> str:
    """Returns the absolute URL of a page, for a mail; "" without LEDGER_URL."""
    return f"{settings.LEDGER_URL}{path}" if settings.LEDGER_URL else ""


def mail_kind_of(token: str) -> MailKind | None:
    """Returns the kind of mail that the link ends; None if the signature is not ours."""
    try:
        person, kind = signing.loads(token, salt=SALT)
    except signing.BadSignature:
        return None
    return MailKind(UUID(person), kind)


def have_ended(which: MailKind) -> bool:
    """Returns whether none of the person's choices requires these mails any more."""
    with reading(RowScope.AUDIT):  # the reader may not be signed in; the signed link is enough
        mine = AlertChoice.objects.filter(owner_id=which.person)
        if which.kind == DAILY:
            return not mine.filter(mail=AlertMail.DAILY).exists()
        return not mine.filter(kind=which.kind).exclude(mail=AlertMail.OFF).exists()


def end_mails(which: MailKind) -> None:
    """Ends these mails; safe to call twice. The alerts stay on the page."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT stop_alert_mails(%s, %s)", [which.person, which.kind])

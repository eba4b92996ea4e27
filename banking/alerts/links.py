"""The unsubscribe link in an email. The link turns off one kind of email. The reader does not have
to be signed in.

The link is signed and never expires, because a user may open an email years later. The link has no
other effect. Only a POST turns the emails off, as RFC 8058 requires for one-click links: programs
that check the links of an email do not send a POST.
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
DAILY = ""  # the value of `kind` for the daily email


class MailKind(NamedTuple):
    """A kind of email to one person. `kind` is "" (DAILY) for the daily email, which contains
    alerts of all kinds.
    """

    person: UUID
    kind: str

    @property
    def label(self) -> str:
        return AlertKind(self.kind).label if self.kind else "Daily mail"

    @property
    def url(self) -> str:
        """The absolute URL of the page that turns off the emails of this kind, or "" if LEDGER_URL
        is not set.
        """
        return site_url(reverse("transactions:alert_mails_end", args=[token_of(self)]))


def token_of(which: MailKind) -> str:
    """Returns the signed token for the unsubscribe link in the emails of this kind."""
    return signing.dumps([which.person.hex, which.kind], salt=SALT)


def site_url(path: str) -> str:
    """Returns the absolute URL of a page, for an email. Returns "" if LEDGER_URL is not set."""
    return f"{settings.LEDGER_URL}{path}" if settings.LEDGER_URL else ""


def mail_kind_of(token: str) -> MailKind | None:
    """Returns the kind of email that this token turns off, or None if the signature is not
    valid.
    """
    try:
        person, kind = signing.loads(token, salt=SALT)
    except signing.BadSignature:
        return None
    return MailKind(UUID(person), kind)


def have_ended(which: MailKind) -> bool:
    """Returns whether the emails of this kind are already off: none of the person's choices
    requires them.
    """
    with reading(RowScope.AUDIT):  # the reader may not be signed in; the signed link is enough here
        mine = AlertChoice.objects.filter(owner_id=which.person)
        if which.kind == DAILY:
            return not mine.filter(mail=AlertMail.DAILY).exists()
        return not mine.filter(kind=which.kind).exclude(mail=AlertMail.OFF).exists()


def end_mails(which: MailKind) -> None:
    """Turns off the emails of this kind. A second call changes nothing. The page of alerts still
    shows the alerts.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT stop_alert_mails(%s, %s)", [which.person, which.kind])

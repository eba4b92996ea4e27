"""Creates an alert email as text and as HTML.

A person can type a link into the description of a payment or into their name, and email programs
make links clickable. Therefore an email does not contain texts that other people wrote. Names and
the reader's own texts are left out if they look like a link.
"""

from collections.abc import Sequence
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse

from accounts.models import User
from accounts.sign_in.addresses import mailed_name
from banking.alerts.links import MailKind, site_url
from banking.alerts.models import Alert
from banking.alerts.reads import lines_of
from ledger.text.lines import counted, cut

SHOWN = 20  # maximum number of alerts in an email; the email only counts the others
LONGEST_SUBJECT = 120


def mail_of(mail_id: UUID, kind: str, owner: User, alerts: Sequence[Alert], count: int) -> (
    EmailMultiAlternatives
):  # fmt: skip
    """Returns an email about `count` alerts. The email contains the texts of `alerts`, the newest
    of them, and only counts the others. The state of a standing order is read when the email is
    created. The Message-ID depends only on `mail_id`. So an email that is created again has the
    same Message-ID.
    """
    which = MailKind(owner.pk, kind)
    lines = lines_of(alerts)
    context = {
        "person_name": mailed_name(owner),
        "lines": [(line, site_url(line.url)) for line in lines],
        "more": count - len(lines),
        "label": which.label,
        "is_daily": not kind,
        "page": site_url(reverse("transactions:alerts")),
        "settings": site_url(reverse("transactions:alert_choices")),
        "end": which.url,
    }
    subject = lines[0].title if count == 1 else f"{counted(count, 'alert')}: {which.label}"
    headers = {
        "Message-ID": f"<{mail_id}@{_domain()}>",
        "Auto-Submitted": "auto-generated",
    }
    if which.url:
        headers["List-Unsubscribe"] = f"<{which.url}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail = EmailMultiAlternatives(
        cut(subject, LONGEST_SUBJECT).replace("\N{NO-BREAK SPACE}", " "),
        render_to_string("alerts/mail.txt", context),
        None,
        [owner.email],
        headers=headers,
    )
    mail.attach_alternative(render_to_string("alerts/mail.html", context), "text/html")
    return mail


def _domain() -> str:
    """Returns the domain of the sender's address, for the Message-ID."""
    return settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].strip("<> ") or "localhost"

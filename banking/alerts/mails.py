"""Makes an email of alerts, as text and as HTML.

Anybody can send a payment with a text or a name that email programs turn into a link. So an email
does not contain texts of other people's payments. It also leaves out names and the reader's own
texts if they look like a link.
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

SHOWN = 20  # number of alerts in an email; of more alerts, it contains only the number
LONGEST_SUBJECT = 120


def mail_of(mail_id: UUID, kind: str, owner: User, alerts: Sequence[Alert], count: int) -> (
    EmailMultiAlternatives
):  # fmt: skip
    """Returns an email with the newest of `count` alerts. The Message-ID is made from `mail_id`, so
    the Message-ID is the same if the email is sent again. The result of a standing order is read
    when the email is made.
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

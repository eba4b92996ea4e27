"""Mails that notify users of changes to their sign-in, in addition to allauth's mails.

`notify` is called after changes by the bank, and after changes by users on pages that are not
allauth's. tests/accounts/sign_in/test_notices.py checks that every change sends a notice.
"""

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.mfa.models import Authenticator
from django.core.mail import send_mail
from django.db import DatabaseError
from django.db import transaction as db_transaction
from django.template.loader import render_to_string
from django.utils.text import get_text_list

from accounts.models import ApiToken, User
from accounts.sign_in.addresses import mailed_name
from accounts.sign_in.factors import Kind, recovery_codes_left
from accounts.sign_in.limits import HOUR, Limit, passes, take_back
from ledger.text.dates import exact
from ledger.web.mail import MailNotSent, as_notice

logger = logging.getLogger(__name__)

# The limit per kind of notice and user. Without a limit, a program that replaces a secret many
# times would cause any number of mails. After some mails, the user knows about the change.
NOTICES = Limit("notices_of_a_kind", 20, HOUR)


@dataclass(frozen=True, slots=True)
class Notice:
    """The subject and text of a mail. The text ends with what to do if the user did not make the
    change.
    """

    subject: str
    text: str


CONTACT_THE_BANK = "If you did not ask for this, contact the bank immediately."
SIGN_IN_CLOSED = Notice(
    "Your sign-in was closed",
    "The bank has closed your sign-in to Ledger and signed you out on all devices. Access tokens "
    "no longer work. Your accounts and their history stay. If you do not know why, ask the bank.",
)
SIGN_IN_OPENED = Notice(
    "You can sign in again",
    "The bank has opened your sign-in to Ledger again. You sign in as you did before.\n\n"
    + CONTACT_THE_BANK,
)
LEFT = Notice(
    "You have left the bank",
    "Your accounts and your sign-in to Ledger are closed. Somebody who was signed in as you "
    "requested this. You are signed out on all devices. The bank keeps its records as the law "
    "requires.\n\n"
    "If it was not you, contact the bank immediately.",
)
SIGNED_OUT = Notice(
    "You were signed out everywhere",
    "The bank has signed you out of Ledger on all devices, and ended your access tokens. You can "
    "sign in again.\n\n"
    "If you did not ask for this, ask the bank why.",
)
NOT_MINE = (
    "If it was not you, revoke the token on the page Security, change your password and contact "
    "the bank."
)
# The text does not contain the new address, because other people may be able to read the old
# mailbox.
ADDRESS_CHANGED = Notice(
    "Your sign-in address was changed",
    "The bank has changed the email address with which you sign in to Ledger. You can no longer "
    "sign in with this address, and we no longer send mail about your accounts to it.\n\n"
    + CONTACT_THE_BANK,
)
PASSWORD_SET = Notice(
    "The bank has set your password",
    "The bank has set a new password for your sign-in to Ledger and signed you out on all "
    "devices. After you have signed in, change the password on the page Security.\n\n"
    + CONTACT_THE_BANK,
)
PASSWORD_REMOVED = Notice(
    "The bank has removed your password",
    "The bank has removed the password of your sign-in to Ledger and signed you out on all "
    "devices. To choose a new password, press \u201cForgotten your password?\u201d on the sign-in "
    "page.\n\n" + CONTACT_THE_BANK,
)
FACTORS = {
    Kind.WEBAUTHN: "all passkeys",
    Kind.TOTP: "the authenticator app",
    Kind.RECOVERY_CODES: "the recovery codes",
}
TOO_SHORT_NOW = (
    f"Your password had fewer than {User.MIN_LENGTH_WITHOUT_FACTOR} characters, which is too short "
    "without a second factor. So the bank has removed the password, too."
)


def factors_removed(kinds: Iterable[str], person: User, *, password_removed: bool) -> Notice:
    """Returns the notice that the bank has removed factors. The notice explains how the user can
    sign in now.
    """
    removed = get_text_list([label for kind, label in FACTORS.items() if kind in kinds], "and")
    signs_in = (
        "You now sign in with only your password."
        if person.has_usable_password()
        else "Choose a password with \u201cForgotten your password?\u201d on the sign-in page."
    )
    return Notice(
        "Your second factors were removed",
        f"The bank has removed {removed} from your sign-in to Ledger and signed you out on all "
        f"devices. {TOO_SHORT_NOW + ' ' if password_removed else ''}{signs_in} Then add a second "
        f"factor again on the page Security.\n\n{CONTACT_THE_BANK}",
    )


def token_issued(token: ApiToken) -> Notice:
    """Returns the notice about a new access token. The notice describes what the token may do."""
    scopes = get_text_list(
        [str(ApiToken.TokenScope(scope).label).lower() for scope in token.scopes], "and"
    )
    ends = f"until {exact(token.expires_at)}" if token.expires_at else "until it is revoked"
    return Notice(
        "You have a new access token",
        f"Somebody who was signed in as you, or a command of the bank, has made the access token "
        f"\u201c{token.name}\u201d ({token.prefix}). With the token, programs can act for you "
        f"{ends}: {scopes}. The token stays valid if you change your password.\n\n{NOT_MINE}",
    )


def token_revoked(token: ApiToken, by: User | None) -> Notice:
    """Returns the notice that an access token was revoked."""
    who = "You have" if by == token.user else "The bank has"
    return Notice(
        "An access token was revoked",
        f"{who} revoked the access token \u201c{token.name}\u201d ({token.prefix}). Programs that "
        f"use it can no longer act for you.\n\n{CONTACT_THE_BANK}",
    )


def tokens_revoked(person: User, by: User | None) -> Notice:
    """Returns the notice that all access tokens of a user were revoked."""
    who = "You have" if by == person else "The bank has"
    return Notice(
        "Your access tokens were revoked",
        f"{who} revoked all your access tokens. Programs that use these tokens can no longer act "
        f"for you.\n\n{CONTACT_THE_BANK}",
    )


@contextmanager
def limited_notice(person: User, kind: str) -> Iterator[None]:
    """Counts the mails of the block as notices of this kind to this user.

    Raises: MailNotSent if the limit NOTICES is exceeded, or as described at `as_notice`. Mails that
    were not sent do not count.
    """
    counted = f"{kind} {person.pk}"
    if not _passes(counted):
        raise MailNotSent("the limit of mails of this kind in an hour is reached")
    try:
        with as_notice(person.pk):
            yield
    except MailNotSent:
        with suppress(DatabaseError):
            take_back(NOTICES, counted)
        raise


def _passes(counted: str) -> bool:
    """Returns whether NOTICES allows another mail. Returns True if the database cannot count the
    mail, because the user must be notified of a change that has already happened.
    """
    try:
        return passes(NOTICES, counted)
    except DatabaseError:
        logger.exception("A mail is sent without being counted.")
        return True


def notify(person: User, notice: Notice, *, email: str = "", counts: bool = True) -> None:
    """Sends the notice by mail after the commit, to `email` or to the user's address. The change
    stays valid if the mail cannot be sent.

    If `counts` is False, the limit NOTICES does not apply. The worker passes False, because the
    worker may not write counters.
    """
    context = {"text": notice.text, "person_name": mailed_name(person)}
    text, to = render_to_string("account/email/notice_message.txt", context), email or person.email

    def send() -> None:
        try:
            with limited_notice(person, notice.subject) if counts else as_notice(person.pk):
                send_mail(notice.subject, text, None, [to])
        except MailNotSent as error:
            logger.error(  # noqa: TRY400
                "Notification not sent: %s, person %s (%s)", notice.subject, person.pk, error
            )

    db_transaction.on_commit(send, robust=True)


def notify_of_recovery_code(user: User, authenticator: Authenticator, **_signal: Any) -> None:
    """Notifies the user by mail that a recovery code was used. The mail contains the number of
    unused codes.
    """
    if authenticator.type == Kind.RECOVERY_CODES:
        authenticator.refresh_from_db()
        get_adapter().send_notification_mail(
            "mfa/email/recovery_code_used", user, {"codes_left": recovery_codes_left(authenticator)}
        )

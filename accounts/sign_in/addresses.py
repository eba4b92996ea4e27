"""Which addresses have to be confirmed, and when."""

import re
import unicodedata
from datetime import datetime
from typing import Any

from allauth.account.internal.userkit import filter_users_by_email
from allauth.account.models import EmailAddress
from allauth.account.stages import EmailVerificationStage
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.db import transaction as db_transaction

from accounts.models import Account, User
from accounts.sign_in import sessions
from ledger.db.retry import with_retry

# Mail programs turn "bank.example" or "https:..." into a link. Anybody can sign up with such a name
# and with somebody else's address, so no mail contains a name that looks like a link.
LIKE_A_LINK = re.compile(r"\w\.\w|[/:@]")
IDEOGRAPHIC_STOP = "\u3002"


class AddressStage(EmailVerificationStage):  # type: ignore[misc]
    """Asks for the code from the mail, unless the address came from the bank.

    Whoever signs up gets an unconfirmed address; somebody whom the bank added has none at first.
    When anybody asks for a sign-in code with such an address, allauth adds it, unconfirmed and not
    as the main one; that changes nothing for its owner.
    """

    def handle(self) -> tuple[Any, bool]:
        """allauth's answer: a page to show, if any, and whether the sign-in may go on."""
        user = self.login.user
        if user is not None:
            mine = EmailAddress.objects.filter(user=user)
            mine = mine.filter(email=self.login.email) if self.login.email else mine
            mine = mine.exclude(email=user.email, primary=False)
            if not mine.filter(verified=False).exists():
                return None, True
        answer: tuple[Any, bool] = super().handle()
        return answer


def is_unconfirmed(user: User) -> bool:
    """Whether this person has signed up, but never confirmed the address.

    The password alone does not sign them in, nor lead to the page for the code: somebody could sign
    up with an address and see by the password whether it was free. A sign-in code by mail does.
    """
    if user.last_login is not None:
        return False
    mine = EmailAddress.objects.filter(user=user)
    return mine.filter(primary=True).exists() and not mine.filter(verified=True).exists()


def is_like_a_link(text: str) -> bool:
    """Whether a mail program may make a link of a part of the text. Browsers take signs of other
    scripts for the dots of a host (IDNA, UTS 46): those that NFKC makes a dot, and U+3002.
    """
    plain = unicodedata.normalize("NFKC", text).replace(IDEOGRAPHIC_STOP, ".")
    return bool(LIKE_A_LINK.search(plain))


def mailed_name(user: User | None) -> str:
    """The name in a greeting; empty without a user, if it looks like a link, and for a sign-up that
    nobody has confirmed: a stranger may have written a message into it.
    """
    if user is None or is_like_a_link(user.name) or is_unconfirmed(user):
        return ""
    return user.name


def belongs_to(user: User, email: str) -> bool:
    """Whether this person signs in with this address."""
    return user in filter_users_by_email(email, for_login=True)


def addresses_of(user: User) -> set[str]:
    """All addresses with which this person signs in, in lower case."""
    further = EmailAddress.objects.filter(user=user).values_list("email", flat=True)
    return {email.lower() for email in (user.email, *further)}


def closed_sign_in(email: str) -> datetime | None:
    """When the sign-in with this address was closed; None if it is open, or nobody has it."""
    people = filter_users_by_email(email, is_active=False, prefer_verified=True, for_login=True)
    return people[0].deleted_at if people else None


def may_be_a_strangers(user: User) -> bool:
    """Whether a stranger may have signed up with this address. Staff got theirs from the bank."""
    return not user.is_staff and is_unconfirmed(user)


@with_retry
def give_to_owner(*, user: User, address: EmailAddress, has_new_password: bool = False) -> None:
    """Confirms the address of a sign-up for whoever reads its mail, who may be somebody else.

    What was set before ends in the same transaction: the password, unless the owner has just chosen
    it, all factors, the connected provider, all sessions, and the name, which a stranger may have
    typed: the next page asks for it. Changes password and name of `user` too.
    """
    with db_transaction.atomic():
        User.objects.locked([user.pk]).get()
        if _signed_up_by_themselves(user, address):
            user.name = ""
            user.save(update_fields=["name"])
        if not has_new_password:
            user.set_unusable_password()
            user.save(update_fields=["password", "password_is_long"])
        Authenticator.objects.filter(user=user).delete()
        SocialAccount.objects.filter(user=user).delete()
        sessions.end_all(user, "address_confirmed")
        EmailAddress.objects.filter(pk=address.pk).update(verified=True)


def _signed_up_by_themselves(user: User, address: EmailAddress) -> bool:
    """Returns whether the user signed up and was not added by the bank. A user added by the bank
    already has accounts, or an email address that is not primary yet.
    """
    return address.primary and not Account.objects.filter(user=user).exists()


def confirm_only_address(user: User) -> None:
    """Confirms the address of somebody who has chosen a password by a link mailed to it."""
    addresses = list(EmailAddress.objects.filter(user=user))
    if len(addresses) == 1 and addresses[0].email == user.email and not addresses[0].verified:
        if may_be_a_strangers(user):
            give_to_owner(user=user, address=addresses[0], has_new_password=True)
        addresses[0].verified = addresses[0].primary = True
        addresses[0].save(update_fields=["verified", "primary"])

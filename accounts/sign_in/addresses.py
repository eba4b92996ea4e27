"""Rules that decide which addresses must be confirmed, and when."""

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

# Mail programs turn "bank.example" or "https:..." into a link. A stranger could sign up with such a
# name and another person's address. Therefore mails never contain a name that looks like a link.
LIKE_A_LINK = re.compile(r"\w\.\w|[/:@]")
IDEOGRAPHIC_STOP = "\u3002"


class AddressStage(EmailVerificationStage):  # type: ignore[misc]
    """A stage of the sign-in that requires the code from the mail, unless the bank has added the
    address.

    The address of a sign-up is unconfirmed and primary. A person added by the bank has no address
    row, or an unconfirmed address that is not primary, which allauth adds when the person requests
    a sign-in code.
    """

    def handle(self) -> tuple[Any, bool]:
        """Returns two values: a page to show, or None; and whether the sign-in may continue."""
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
    """Returns whether this user has signed up but has never confirmed the address.

    Such a user can sign in with a code from a mail. The password is refused, and the page for the
    code is not shown after the password. Otherwise an attacker could sign up with an address and
    learn from the password check whether the address was already registered.
    """
    if user.last_login is not None:
        return False
    mine = EmailAddress.objects.filter(user=user)
    return mine.filter(primary=True).exists() and not mine.filter(verified=True).exists()


def is_like_a_link(text: str) -> bool:
    """Returns whether a mail program may turn a part of the text into a link.

    Browsers also accept other characters as the dot of a host name (IDNA, UTS 46): U+3002, and
    characters that NFKC converts to a dot.
    """
    plain = unicodedata.normalize("NFKC", text).replace(IDEOGRAPHIC_STOP, ".")
    return bool(LIKE_A_LINK.search(plain))


def mailed_name(user: User | None) -> str:
    """Returns the name for the greeting of a mail. Returns "" if there is no user or if the name
    looks like a link. Also returns "" for an unconfirmed sign-up, because a stranger may have
    written the name.
    """
    if user is None or is_like_a_link(user.name) or is_unconfirmed(user):
        return ""
    return user.name


def belongs_to(user: User, email: str) -> bool:
    """Returns whether this user can sign in with this address."""
    return user in filter_users_by_email(email, for_login=True)


def addresses_of(user: User) -> set[str]:
    """Returns all addresses with which this user can sign in, in lowercase."""
    further = EmailAddress.objects.filter(user=user).values_list("email", flat=True)
    return {email.lower() for email in (user.email, *further)}


def closed_sign_in(email: str) -> datetime | None:
    """Returns when the sign-in with this address was closed. Returns None if the sign-in is open or
    does not exist.
    """
    people = filter_users_by_email(email, is_active=False, prefer_verified=True, for_login=True)
    return people[0].deleted_at if people else None


def may_be_a_strangers(user: User) -> bool:
    """Returns whether a stranger may have signed up with this user's address. Returns False for
    staff, because the bank assigned their addresses.
    """
    return not user.is_staff and is_unconfirmed(user)


@with_retry
def give_to_owner(*, user: User, address: EmailAddress, has_new_password: bool = False) -> None:
    """Confirms the address of a sign-up for the owner of the mailbox. The person who signed up may
    be somebody else.

    In the same transaction, removes what a stranger may have set: the password (unless
    `has_new_password`), all factors, the connected provider, all sessions, and the name. Also
    changes the password and the name of the instance `user`. The next page asks for the name.
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
    """Returns whether the user signed up. Returns False if the bank has added the user: such a user
    has accounts, or an email address that is not primary yet.
    """
    return address.primary and not Account.objects.filter(user=user).exists()


def confirm_only_address(user: User) -> None:
    """Confirms the address of a user who has set a password with a link that was mailed to this
    address.
    """
    addresses = list(EmailAddress.objects.filter(user=user))
    if len(addresses) == 1 and addresses[0].email == user.email and not addresses[0].verified:
        if may_be_a_strangers(user):
            give_to_owner(user=user, address=addresses[0], has_new_password=True)
        addresses[0].verified = addresses[0].primary = True
        addresses[0].save(update_fields=["verified", "primary"])

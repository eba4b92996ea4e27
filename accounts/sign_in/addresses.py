"""Which addresses have to be confirmed, and when."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.account.stages import EmailVerificationStage

from accounts.models import User


class AddressStage(EmailVerificationStage):  # type: ignore[misc]
    """Asks for the code from the mail, unless the address came from the bank.

    Whoever signs up gets an unconfirmed address; somebody whom the bank added has none at first.
    """

    def handle(self) -> tuple[Any, bool]:
        """allauth's answer: a page to show, if any, and whether the sign-in may go on."""
        user = self.login.user
        if user is not None:
            mine = EmailAddress.objects.filter(user=user)
            mine = mine.filter(email=self.login.email) if self.login.email else mine
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
    return mine.exists() and not mine.filter(verified=True).exists()


def confirm_only_address(user: User) -> None:
    """Confirms the address of somebody who has followed a link that was mailed to it."""
    addresses = list(EmailAddress.objects.filter(user=user))
    if len(addresses) == 1 and addresses[0].email == user.email and not addresses[0].verified:
        addresses[0].verified = addresses[0].primary = True
        addresses[0].save(update_fields=["verified", "primary"])

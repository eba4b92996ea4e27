from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.core.management.commands import sendtestemail

from ledger.web.mail import MailNotSent


class Command(sendtestemail.Command):
    """Django's command `sendtestemail`, with one message if the mail server cannot be used."""

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            super().handle(*args, **options)
        except MailNotSent as error:
            # The message of MailNotSent is short, because logs must not contain addresses.
            reason = error.__context__ or error
            raise CommandError(
                f"The email was not sent by {settings.EMAIL_HOST}:{settings.EMAIL_PORT}: {reason}."
                " Correct EMAIL_URL."
            ) from error

import argparse
import socket
from typing import Any

from django.conf import settings
from django.core.mail import send_mail
from django.core.management.base import BaseCommand, CommandError

from ledger.web.mail import MailNotSent

TEXT = """{unit} on {host} failed.

Look there: systemctl status {unit}; journalctl -u {unit}
"""


class Command(BaseCommand):
    help = (
        "Mails LEDGER_OPERATOR_MAIL that a service failed; systemd calls it (deploy/server/). The"
        " mail has nothing of the log, where people's data could stand."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("unit", metavar="UNIT", help="such as ledger-backup")

    def handle(self, *, unit: str, **_options: Any) -> None:
        """Raises CommandError where nobody was told."""
        if not settings.LEDGER_OPERATOR_MAIL:
            raise CommandError(f"{unit} failed; LEDGER_OPERATOR_MAIL does not say whom to tell.")
        host = socket.getfqdn()
        text = TEXT.format(unit=unit, host=host)
        try:
            send_mail(f"{unit} failed on {host}", text, None, [settings.LEDGER_OPERATOR_MAIL])
        except MailNotSent as error:
            raise CommandError(f"{unit} failed, and the mail did not leave: {error}.") from None
        self.stdout.write(f"Told {settings.LEDGER_OPERATOR_MAIL}.")

"""Pays in and sends mails until it is killed; prints each step.

python -m tests.banking.alerts.crash_worker ACCOUNT FOLDER FIRST LATER

Payments are numbered from FIRST. Mails go into FOLDER. LATER: seconds that its clock is ahead, so
that claims of workers that were killed before are over.
"""

import sys
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import django

STEPS = 60


def main() -> None:
    from django.conf import settings
    from django.utils import timezone

    from banking.alerts.sending import send_due
    from tests.banking.alerts.crashes import payment_id
    from transactions import services

    account, folder, first, later = UUID(sys.argv[1]), *sys.argv[2:]
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    settings.EMAIL_FILE_PATH = folder
    for number in range(int(first), int(first) + STEPS):
        services.deposit(id=payment_id(number), to_account=account, amount=Decimal(number + 1))
        print("booked", number, flush=True)
        if number % 3 == 0:
            send_due(timezone.now() + timedelta(seconds=int(later)))
            print("sent", number, flush=True)


if __name__ == "__main__":
    django.setup()
    main()

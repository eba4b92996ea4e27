"""Pays what is due on each day from the first to the last one, as the job does; prints each day.

python -m tests.banking.standing_orders.year_worker 2028-01-01 2028-03-31
"""

import sys
from datetime import date, datetime, time, timedelta

import django

# Local times of a day at which the job runs: on days of 23 and of 25 hours both are there.
RUNS = (time(0, 5), time(23, 55))


def main() -> None:
    from django.utils import timezone

    from banking.standing_orders.paying import pay_due

    first, last = map(date.fromisoformat, sys.argv[1:])
    zone = timezone.get_default_timezone()
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        for clock in RUNS:
            pay_due(now=datetime.combine(day, clock, zone))
        print(day, flush=True)


if __name__ == "__main__":
    django.setup()
    main()

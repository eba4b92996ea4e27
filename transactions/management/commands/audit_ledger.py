import json
import logging
import sys
from datetime import datetime, time
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from tqdm import tqdm

from ledger.jobs.command import JobCommand
from ledger.logs.output import is_for_the_log
from ledger.text.lines import counted
from transactions.audit.audit import CHECKS, Audit, AuditBlind, AuditRunning
from transactions.audit.runs import run_audit

logger = logging.getLogger(__name__)


class Command(JobCommand):
    job, partial = "audit_ledger", ("since",)
    runs_unconfirmed = True
    unconfirmed = (
        "No standby confirms commits. The audit proves the books of this server, and its result is"
        " stored only here: a failover to that standby would lose both."
    )
    help = "Checks the books from their rows; exits 1 and names the first wrong account and row."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="Print the result as JSON.")
        parser.add_argument(
            "--since",
            metavar="DATE|TIME",
            help="Check only what was booked from this day or time on, such as 2026-11-20 or "
            "2026-11-20T08:00; balances, holds and the money per currency are always checked "
            "completely.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        since = moment(options["since"]) if options["since"] else None
        is_logged = is_for_the_log() and not options["json"]
        names = [check.__name__ for check in CHECKS]
        # No progress bar if the output is not a terminal.
        with tqdm(total=len(names), unit=" checks", disable=None, file=sys.stderr) as bar:

            def show(check: str) -> None:
                bar.n = names.index(check)
                bar.set_description(check)

            try:
                _, result = run_audit(since=since, on_check=show)
            except (AuditBlind, AuditRunning) as refusal:
                raise CommandError(str(refusal)) from None
            bar.n = len(names)
        if options["json"]:
            self.stdout.write(json.dumps(result.as_dict()))
        elif result.clean:
            what = f" booked since {since:%Y-%m-%d %H:%M %Z}" if since else ""
            self.stdout.write(
                f"The books are clean: {counted(result.transactions, 'transaction')}{what} "
                f"on {counted(result.accounts, 'account')}."
            )
        else:
            many = f"{len(result.findings)} problem{'' if len(result.findings) == 1 else 's'}"
            self.stderr.write(f"The audit found {many} in the books.")
        for finding in [] if options["json"] else result.findings:
            self.stderr.write(finding.printed())
        if is_logged:
            log_result(result)
        if not result.clean:
            raise SystemExit(1)


def log_result(result: Audit) -> None:
    """Logs the result of an audit. Metrics of `deploy/aws` count the log lines by the value of
    `clean`.
    """
    facts = {
        "event": "audit.done",
        "clean": result.clean,
        "findings": len(result.findings),
        "transactions": result.transactions,
        "accounts": result.accounts,
    }
    logger.info("The audit is done.", extra={"facts": facts})


def moment(text: str) -> datetime:
    """Parses a time. If the text has no time of day, returns the start of the day. If the text has
    no time zone, uses the bank's time zone.

    Raises CommandError for any other text, and for a time in the future.
    """
    try:
        day = parse_date(text)
        found = datetime.combine(day, time.min) if day else parse_datetime(text)
        if found is not None and timezone.is_aware(found):
            found = timezone.localtime(found)  # Postgres refuses offsets of 16 hours and more
    except (ValueError, OverflowError):
        found = None
    if found is None:
        wrong = f"{text!r} is not a date or time, such as 2026-11-20 or 2026-11-20T08:00."
        raise CommandError(wrong)
    found = found if timezone.is_aware(found) else timezone.make_aware(found)
    if found > timezone.now():
        raise CommandError(f"{text} is in the future: nothing to check is booked yet.")
    return found

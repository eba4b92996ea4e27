import json
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from django.core.management.base import CommandError, CommandParser

from accounts.exceptions import LedgerError
from ledger.db.snapshot import snapshot
from ledger.jobs.command import JobCommand
from transactions.audit import sealing
from transactions.audit.audit import Finding, findings_of
from transactions.audit.checks.seals import seals as broken_seals
from transactions.demo import seeding
from transactions.models import Seal


class Command(JobCommand):
    job, partial = "seal_ledger", ("until", "verify")
    help = (
        "Seals everything booked before today (UTC) that is not sealed yet, so that nobody can add "
        "to it or change it without a trace. Safe to run twice and in parallel."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--until", type=date.fromisoformat, metavar="DATE",
            help="Seal the days before this one, such as 2026-11-01; the default is today.",
        )  # fmt: skip
        parser.add_argument(
            "--verify", metavar="DIGEST",
            help="Check the books up to the seal with this digest, and create no seal.",
        )  # fmt: skip
        parser.add_argument("--json", action="store_true", help="Print the seal as JSON.")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["verify"]:
            if options["json"]:
                raise CommandError("--json prints the new seal, but --verify creates none.")
            self._verify(options["verify"])
            return
        try:
            made = sealing.seal(until=options["until"], hindrance=seeding.hindrance_of_seals)
        except LedgerError as refusal:
            raise CommandError(str(refusal)) from None
        if options["json"]:
            self.stdout.write(json.dumps(as_dict(made) if made else None))
        elif made is None:
            self.stdout.write(
                "Nothing to seal: these days are sealed already, or there are no transactions."
            )
        else:
            self.stdout.write(
                f"Sealed {made.row_count:,} transactions up to {made.last_day} as seal "
                f"{made.number}. Keep its digest outside this database:\n{made.hex_digest}"
            )

    def _verify(self, digest: str) -> None:
        seal = sealing.find(digest)
        if seal is None:
            raise CommandError(
                "No seal has this digest: it is mistyped, or the seals were changed."
            )

        def seals(_since: datetime | None) -> Iterator[Finding]:
            return broken_seals(last=seal.number)

        with snapshot():
            findings = findings_of(seals)
        if findings:
            self.stderr.write(findings[0].printed())
            raise SystemExit(1)
        self.stdout.write(
            f"Seal {seal.number} matches: every transaction up to {seal.last_day} is as it was "
            "when it was sealed."
        )


def as_dict(seal: Seal) -> dict[str, Any]:
    """Returns the values of a seal for JSON. Digests are in hexadecimal."""
    return {
        "number": seal.number,
        "version": seal.version,
        "starts_at": seal.starts_at.isoformat(),
        "ends_at": seal.ends_at.isoformat(),
        "row_count": seal.row_count,
        "sums": seal.sums,
        "previous_digest": seal.previous_digest and bytes(seal.previous_digest).hex(),
        "digest": seal.hex_digest,
        "sealed_at": seal.sealed_at.isoformat(),
    }

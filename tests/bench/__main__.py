"""`python -m tests.bench`: see `make bench` and docs/performance.md."""

import argparse
import fcntl
import importlib
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from ledger import env
from ledger.embedded import removal
from tests.bench.scale import BIG_HISTORY, TOY, WHOLE, Scale

ROLES = (
    "transfer",
    "threads",
    "network",
    "pages",
    "api",
    "batch",
    "hot",
    "disk",
    "reads",
    "rows",
    "counts",
    "events",
    "alerts",
)


def main() -> None:
    options = _options()
    base = env.data_dir("LEDGER_DATA_DIR", env.BASE_DIR / ".data")
    # Ctrl-C and SIGTERM both lead to the removal below.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        with removal.removal_blocked(), _own_server(base):
            _measure(options, _scale(options), options.json or base / "bench.json")
    except KeyboardInterrupt:
        sys.exit("Stopped; the bench's server and its data are gone.")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description="How fast the books are.")
    parser.add_argument("parts", nargs="*", metavar="PART", help="the same as --only PART")
    parser.add_argument("--only", nargs="+", choices=ROLES, default=ROLES, metavar="PART",
                        help=f"only these parts: {', '.join(ROLES)}")  # fmt: skip
    parser.add_argument("--big", action="store_true",
                        help="also read in a bank of 10 million transactions, 5 GB")  # fmt: skip
    parser.add_argument("--seconds", type=float, help="one contestant's turn in one round")
    parser.add_argument("--rounds", type=int, help="how many rounds the median is taken of")
    parser.add_argument("--toy", action="store_true", help="tiny: shows that the bench works")
    parser.add_argument("--pgledger", type=Path, metavar="DIR",
                        help="also measure pgledger, from this checkout of it")  # fmt: skip
    parser.add_argument("--plans", action="store_true", help="print the plans behind the figures")
    parser.add_argument("--json", type=Path, help="where the JSON goes (.data/bench.json)")
    parser.add_argument("--markdown", type=Path, help="put the run into this file")
    options = parser.parse_args()
    if unknown := {*options.parts} - {*ROLES}:
        parser.error(f"no part is called {min(unknown)}; there are {', '.join(ROLES)}")
    options.only = options.parts or options.only
    return options


def _scale(options: argparse.Namespace) -> Scale:
    scale = TOY if options.toy else WHOLE
    asked = {name: getattr(options, name) for name in ("seconds", "rounds")}
    scale = replace(scale, **{name: value for name, value in asked.items() if value})
    if options.pgledger:
        scale = replace(scale, pgledger=options.pgledger.resolve())
    if options.big:
        scale = replace(scale, histories=(*scale.histories, BIG_HISTORY))
    return scale


@contextmanager
def _own_server(base: Path) -> Iterator[None]:
    """Creates a data folder only for the bench, and deletes it afterwards. Other data does not
    change.
    """
    folder = base / "bench"
    with (base / "bench.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit("Another bench is running in this folder: wait for it, or end it.")
        # The workers inherit these settings. They exclude other servers and settings of .env.
        os.environ |= {
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "LEDGER_DATA_DIR": str(folder),
            "DATABASE_URL": "",
            "DB_NAME": "",
        }
        removal.delete_everything(folder)  # the rest of a bench that was killed
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.SIG_IGN)  # a second signal would leave data
            removal.delete_everything(folder)


def _measure(options: argparse.Namespace, scale: Scale, json_file: Path) -> None:
    import django

    django.setup()
    from django.core.management import call_command

    from tests.bench import output, servers
    from tests.bench.comparisons import notes
    from tests.bench.figures import table
    from tests.bench.results import Results

    if not scale.durable:
        servers.wait_for_no_disk()
    call_command("migrate", verbosity=0)
    results = Results()
    for part in options.only:
        importlib.import_module(f"tests.bench.{part}").measure(scale, results)
    where = output.machine()
    print(", ".join(f"{name} {value}" for name, value in where.items()), end="\n\n")
    print(table(results.figures), "", *notes(results.figures), sep="\n")
    if options.plans:
        for title, plans in results.plans.items():
            print(f"\n== {title}")
            for plan in plans:
                print("", *plan.text, sep="\n")
    json_file.write_text(output.as_json(where, scale, results))
    if options.markdown:
        output.write_markdown(options.markdown, output.as_markdown(where, results))


if __name__ == "__main__":
    main()

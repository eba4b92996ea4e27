"""`python -m tests.mutations`: see `make mutants` and CONTRIBUTING.md."""

import argparse
import secrets
import shlex
import shutil
import signal
import sys
from collections import Counter
from pathlib import Path

from tests.mutations import choosing, record
from tests.mutations.sessions import TrialOutcome, outcomes
from tests.mutations.tree import copied

ROOT = Path(__file__).resolve().parent.parent.parent
AS_MAKE_TEST = '-n auto --dist loadgroup -m "not slow"'


def main() -> int:
    """Tries the changes, and returns 1 if more survive than are allowed."""
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    arguments = shlex.split(options.tests)
    with copied(ROOT) as tree:
        try:
            files = choosing.files_below(tree, options.files)
        except ValueError as error:
            sys.exit(str(error))
        texts = {path: (tree / path).read_text("utf-8") for path in files}
        chosen = choosing.possible(texts)
        if not options.all:
            chosen = choosing.draw(chosen, seed=options.seed, count=options.changes)
        folder = ROOT / ".data" / "mutants" / record.key(tree, arguments)
        if not (folder / "complete").exists():
            print(f"Recording which lines the tests run: pytest {options.tests}", flush=True)
            print("This takes about 1.5 times as long as the tests.", flush=True)
            _make_room(folder)
            record.make(tree, folder, arguments)
        tests = record.Record(folder, tree)
        seed = "" if options.all else f" drawn by seed {options.seed}"
        print(f"{len(chosen)} changes{seed}, {len(tests.seconds)} tests", flush=True)
        for test in tests.not_passed:
            print(f"  not used, because it does not pass without a change: {test}")
        counts: Counter[str] = Counter()
        for outcome in outcomes(tree, folder, tests, chosen, options.seconds):
            print(_line(texts[outcome.path], outcome), flush=True)
            counts[outcome.verdict] += 1
    print(", ".join(f"{many} {verdict}" for verdict, many in counts.items()))
    missed = sum(counts.values()) - counts["noticed"]
    if missed > options.allow:
        print(f"This fails: no test noticed {missed} changes, and at most {options.allow} may be.")
    return int(missed > options.allow)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.mutations",
        description="Changes code, and lists the changes that no test notices.",
    )
    add = parser.add_argument
    add("files", nargs="+", metavar="FILE", help="Python files, or folders of them")
    add("--seed", type=int, default=secrets.randbelow(10_000), help="the same seed draws the same")
    add("--changes", type=int, default=40, help="how many lines are changed (default: 40)")
    add("--all", action="store_true", help="try every change of every line")
    add("--tests", default=AS_MAKE_TEST, help=f"arguments of pytest (default: {AS_MAKE_TEST})")
    add("--seconds", type=float, default=60, help="of tests for each change (default: 60)")
    add("--allow", type=int, default=0, help="exit with 0 if at most so many survive (default: 0)")
    return parser.parse_args()


def _make_room(folder: Path) -> None:
    """Deletes records of other states of the code, and an incomplete record of this state."""
    state = folder.name.partition("-")[0]
    for other in folder.parent.glob("*"):
        if other == folder or not other.name.startswith(state):
            shutil.rmtree(other)


def _line(text: str, outcome: TrialOutcome) -> str:
    change = outcome.change
    old = " ".join(text[change.start : change.end].split())
    new = " ".join(change.replacement.replace("\\\n", "").split()) or "(nothing)"
    if len(old) > 70:
        old = f"{old[:67]}..."
    verdict = outcome.verdict if outcome.verdict == "noticed" else outcome.verdict.upper()
    return f"{outcome.path}:{change.line}: {old}  ->  {new}  {verdict} {outcome.detail}"


if __name__ == "__main__":
    sys.exit(main())

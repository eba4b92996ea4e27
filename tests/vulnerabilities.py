"""`python -m tests.vulnerabilities`: known vulnerabilities of the locked dependencies, from
pip-audit.

`make audit` runs this module. It exits with 1 if a dependency has a vulnerability. If the data
cannot be reached, it prints that the check is skipped, and exits with 0. With `--required`, as in
the pipeline, unreachable data is an error.

pip-audit prints "No known vulnerabilities found" even if the index knows none of the dependencies,
and has the same exit code for a vulnerability and for a missing network.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
# The other lock files are parts of the first.
LOCKS = ("requirements-ci.lock", "requirements-uv.lock", "deploy/aws/requirements.lock")
COMMAND = [
    sys.executable, "-m", "pip_audit", "--require-hashes",
    "--disable-pip", "--format", "json", "--progress-spinner", "off", "--timeout", "15",
]  # fmt: skip
LONGEST = 300  # seconds
SKIPPED = "skipped"


def verdict(printed: str, complaint: str) -> tuple[int, str]:
    """Returns the exit code and the text to print, from the output and the errors of pip-audit."""
    try:
        found: list[dict[str, Any]] = json.loads(printed)["dependencies"]
    except (ValueError, KeyError, TypeError):
        reason = complaint.strip().splitlines()[-1:] or ["it printed nothing"]
        return 0, f"Dependencies: {SKIPPED}, the data could not be read ({reason[0]})."
    weak = [
        f"{each['name']} {each['version']}: {weakness['id']},"
        f" mended in {', '.join(weakness.get('fix_versions') or ['no version'])}"
        for each in found
        for weakness in each.get("vulns", [])
    ]
    checked = [each for each in found if "skip_reason" not in each]
    unknown = [each["name"] for each in found if "skip_reason" in each]
    if weak:
        return 1, "\n".join(["Dependencies with known weaknesses:", *weak])
    if not checked:
        return 0, f"Dependencies: {SKIPPED}, the index has data on none of {len(unknown)}."
    missing = f" Not checked, without data: {', '.join(unknown)}." if unknown else ""
    return 0, f"Dependencies: {len(checked)} checked, no known weakness.{missing}"


def checked(lock: str) -> tuple[int, str]:
    command = [*COMMAND, "--requirement", str(ROOT / lock)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST, check=False)
    except subprocess.TimeoutExpired:
        return 0, f"Dependencies: {SKIPPED}, no answer in {LONGEST} seconds."
    return verdict(done.stdout, done.stderr)


def main(arguments: Sequence[str] = ()) -> int:
    parser = argparse.ArgumentParser(description="Known weaknesses of the locked dependencies")
    parser.add_argument("--required", action="store_true", help="fail where nothing was checked")
    is_required = parser.parse_args(arguments).required
    found = [(lock, *checked(lock)) for lock in LOCKS]
    for lock, _, sentence in found:
        print(f"{lock}: {sentence}")
    if is_required and any(SKIPPED in sentence for _, _, sentence in found):
        print("Dependencies: not checked, though --required says that they must be.")
        return 1
    return max(code for _, code, _ in found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

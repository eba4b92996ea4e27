"""`python -m tests.commit_subjects [FILE]`: checks the subjects of commits.

With FILE (in the hook commit-msg), checks the message in the file. Without FILE (in `make check`),
checks the commits since the last tag, or the last 100 commits. Prints each finding, and exits with
1 if there is a finding.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

MAX_LENGTH, MAX_COMMITS = 72, 100
FORM = re.compile(r"[a-z0-9][a-z0-9 _/.,-]*: [A-Z]\S")
BY_GIT = ("Merge ", "Revert ", "fixup! ", "squash! ", "amend! ")


def problems(subject: str) -> Iterator[str]:
    """Yields the problems of a subject. Accepts the subjects that git writes itself."""
    if subject.startswith(BY_GIT):
        return
    if not FORM.match(subject):
        yield 'write it as "area: Verb object", such as "search: Fold accents"'
    if len(subject) > MAX_LENGTH:
        yield f"{len(subject)} characters, at most {MAX_LENGTH}: the reason goes into the body"
    if subject.endswith("."):
        yield "no period at the end"


def subjects() -> list[str]:
    """Returns the subjects of the commits to check, newest first. Returns an empty list outside of
    a repository.
    """
    tag = _git("describe", "--tags", "--abbrev=0")
    since = [f"{tag[0]}..HEAD"] if tag else [f"--max-count={MAX_COMMITS}"]
    return _git("log", "--format=%s", *since)


def _git(*arguments: str) -> list[str]:
    done = subprocess.run(
        ["git", *arguments], capture_output=True, text=True, check=False, cwd=Path(__file__).parent
    )
    return done.stdout.splitlines() if done.returncode == 0 else []


def main(arguments: list[str]) -> int:
    checked = subjects() if not arguments else Path(arguments[0]).read_text().splitlines()[:1]
    found = [f"{subject}: {problem}" for subject in checked for problem in problems(subject)]
    print("\n".join(found) or "Subjects of commits: nothing to correct.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

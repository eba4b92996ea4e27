"""Finds the version of Ledger, and the commit of the running code.

Note [The commit that runs]: the commit is read when the code is loaded, because `git pull` changes
files while a process still runs the old code. A checkout, also on a server (docs/deploy-server.md),
has the commit in `.git`. An image has no `.git`, so the build of the image writes the commit into
the file `REVISION`.
"""

import re
from pathlib import Path

VERSION = "0.1.0"  # the same as in pyproject.toml, which images do not contain
UNKNOWN = "unknown"
COMMIT = re.compile(r"[0-9a-f]{7,64}", re.ASCII)
REF = "ref: "


def revision_of(folder: Path) -> str:
    """Returns the commit of a checkout or an image, or "unknown" if the commit cannot be read."""
    try:
        has_git = (folder / ".git").exists()
        found = _commit_of_checkout(folder) if has_git else (folder / "REVISION").read_text()
    except (OSError, ValueError):  # missing, not text, or this user cannot read it
        return UNKNOWN
    return found.strip() if COMMIT.fullmatch(found.strip()) else UNKNOWN


def _commit_of_checkout(folder: Path) -> str:
    """Returns the same commit as `git rev-parse HEAD`, but needs no git and works with files of
    another user.
    """
    place = folder / ".git"
    if place.is_file():  # in a worktree, .git is a file
        place = folder / place.read_text().removeprefix("gitdir:").strip()
    head = (place / "HEAD").read_text().strip()
    if not head.startswith(REF):
        return head
    name = head.removeprefix(REF)
    common = place / "commondir"
    shared = place / common.read_text().strip() if common.exists() else place
    if (shared / name).is_file():
        return (shared / name).read_text()
    lines = (shared / "packed-refs").read_text().splitlines()
    return next((line.split()[0] for line in lines if line.endswith(f" {name}")), UNKNOWN)


REVISION = revision_of(Path(__file__).resolve().parent.parent)

"""The version of Ledger, and the commit that runs.

Note [The commit that runs]: the commit is read when the code is loaded, because `git pull` changes
files while a process continues with the old code. In a checkout, also on a server
(docs/deploy-server.md), the commit is in `.git`, so it cannot be outdated. An image has no `.git`,
so the build of the image writes the file `REVISION`.
"""

import re
from pathlib import Path

VERSION = "0.1.0"  # as in pyproject.toml, which is missing in images
UNKNOWN = "unknown"
COMMIT = re.compile(r"[0-9a-f]{7,64}", re.ASCII)
REF = "ref: "


def revision_of(folder: Path) -> str:
    """Returns the commit of a checkout or an image; "unknown" if it cannot be read."""
    try:
        has_git = (folder / ".git").exists()
        found = _commit_of_checkout(folder) if has_git else (folder / "REVISION").read_text()
    except (OSError, ValueError):  # missing, not readable for us, or not a text
        return UNKNOWN
    return found.strip() if COMMIT.fullmatch(found.strip()) else UNKNOWN


def _commit_of_checkout(folder: Path) -> str:
    """Returns the output of `git rev-parse HEAD`. Works without git, and if another user owns the
    files.
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

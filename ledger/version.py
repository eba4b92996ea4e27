"""The version of Ledger, and the commit that runs.

Note [The commit that runs]: it is read when the code is loaded, because `git pull` changes the
files below a process that goes on with the old code. A checkout has it in `.git`, also on a server
(docs/deploy-server.md), so no file of ours can be outdated there. An image has no `.git`: its build
writes the file `REVISION`.
"""

import re
from pathlib import Path

VERSION = "0.1.0"  # that of pyproject.toml, which no image has
UNKNOWN = "unknown"
COMMIT = re.compile(r"[0-9a-f]{7,64}", re.ASCII)
REF = "ref: "


def revision_of(folder: Path) -> str:
    """Returns the commit of a checkout or an image, or "unknown"."""
    try:
        has_git = (folder / ".git").exists()
        found = _commit_of_checkout(folder) if has_git else (folder / "REVISION").read_text()
    except (OSError, ValueError):  # not there, not ours to read, or no text
        return UNKNOWN
    return found.strip() if COMMIT.fullmatch(found.strip()) else UNKNOWN


def _commit_of_checkout(folder: Path) -> str:
    """Reads what `git rev-parse HEAD` prints. A service has no git, and need not own the files."""
    place = folder / ".git"
    if place.is_file():  # of a worktree
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

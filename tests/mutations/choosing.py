"""Which changes are tried: drawn from the lines of some files by a seed."""

import random
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePath

from tests.mutations.changes import changes_in
from tests.mutations.places import Mutation

Chosen = tuple[str, Mutation]  # the path from the root, and the change


def is_left_out(path: str) -> bool:
    """Returns whether changes of this file show nothing: the test database comes from migrations,
    so neither changed migrations of a bank that exists nor changed triggers would be executed.
    """
    parts = PurePath(path)
    return "migrations" in parts.parts or parts.name.endswith("_triggers.py")


def files_below(root: Path, names: Iterable[str]) -> list[str]:
    """Returns the Python files that the names stand for: files, or folders with all below.

    Raises ValueError for a name without any.
    """
    found: set[str] = set()
    for name in names:
        place = root / name
        files = [place] if place.is_file() else sorted(place.rglob("*.py"))
        paths = {str(file.relative_to(root)) for file in files if file.suffix == ".py"}
        chosen = {path for path in paths if not is_left_out(path)}
        if not chosen:
            raise ValueError(f"{name}: no Python file to change (nor migrations, nor triggers)")
        found |= chosen
    return sorted(found)


def possible(texts: Mapping[str, str]) -> list[Chosen]:
    """Returns all changes of these files, by their paths, in order of their places."""
    found: list[Chosen] = []
    for path, text in texts.items():
        # Fields and constraints of models are compared with the migrations by `make check`.
        class_bodies = "models" not in PurePath(path).with_suffix("").parts
        found += [(path, change) for change in changes_in(text, class_bodies=class_bodies)]
    return found


def draw(changes: Iterable[Chosen], *, seed: int, count: int) -> list[Chosen]:
    """Draws that many lines, each with one of its changes, in order of their places.

    The same changes and the same seed give the same result. Fewer if there are fewer lines.
    """
    lines: dict[tuple[str, int], list[Mutation]] = defaultdict(list)
    for path, change in changes:
        lines[path, change.line].append(change)
    dice = random.Random(seed)  # noqa: S311
    drawn = sorted(dice.sample(sorted(lines), min(count, len(lines))))
    return [(path, dice.choice(lines[path, line])) for path, line in drawn]

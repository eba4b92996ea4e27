"""The selection of changes: drawn from the lines of some files with a seed."""

import random
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePath

from tests.mutations.changes import changes_in
from tests.mutations.places import Mutation

Chosen = tuple[str, Mutation]  # the path from the root, and the change


def is_left_out(path: str) -> bool:
    """Returns whether changes of this file are useless. The test database comes from migrations, so
    changed migrations of an existing bank and changed triggers would not run.
    """
    parts = PurePath(path)
    return "migrations" in parts.parts or parts.name.endswith("_triggers.py")


def files_below(root: Path, names: Iterable[str]) -> list[str]:
    """Returns the Python files for these names. A name is a file, or a folder with all files below
    it.

    Raises: ValueError for a name without Python files.
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
    """Returns all changes of these files, ordered by path and position."""
    found: list[Chosen] = []
    for path, text in texts.items():
        # `make check` compares fields and constraints of models with the migrations.
        class_bodies = "models" not in PurePath(path).with_suffix("").parts
        found += [(path, change) for change in changes_in(text, class_bodies=class_bodies)]
    return found


def draw(changes: Iterable[Chosen], *, seed: int, count: int) -> list[Chosen]:
    """Draws `count` lines, and one change for each line. Returns the changes ordered by position,
    or fewer if there are not enough lines. The same changes and the same seed have the same result.
    """
    lines: dict[tuple[str, int], list[Mutation]] = defaultdict(list)
    for path, change in changes:
        lines[path, change.line].append(change)
    dice = random.Random(seed)  # noqa: S311
    drawn = sorted(dice.sample(sorted(lines), min(count, len(lines))))
    return [(path, dice.choice(lines[path, line])) for path, line in drawn]

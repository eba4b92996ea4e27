"""The draw of changes."""

from pathlib import Path

import pytest

from tests.mutations.choosing import Chosen, draw, files_below, possible

TEXT = "def f(a, b):\n    if a < b and b < 3:\n        return a\n    return b\n"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("a.py", "models/b.py", "migrations/0001.py", "models/b_triggers.py", "c.txt"):
        (tmp_path / "app" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "app" / name).write_text(TEXT)
    return tmp_path


def drawn(tree: Path, *, seed: int, count: int) -> list[Chosen]:
    texts = {path: (tree / path).read_text() for path in files_below(tree, ["app"])}
    return draw(possible(texts), seed=seed, count=count)


def test_files_of_folders_without_migrations_and_triggers(tree: Path) -> None:
    assert files_below(tree, ["app"]) == ["app/a.py", "app/models/b.py"]
    assert files_below(tree, ["app/a.py", "app/a.py"]) == ["app/a.py"]


@pytest.mark.parametrize("name", ["app/none.py", "app/c.txt", "app/migrations"])
def test_a_name_without_a_file_to_change_is_refused(tree: Path, name: str) -> None:
    with pytest.raises(ValueError, match=name):
        files_below(tree, [name])


def test_the_same_seed_draws_the_same_changes_on_different_lines(tree: Path) -> None:
    first = drawn(tree, seed=7, count=4)
    assert drawn(tree, seed=7, count=4) == first
    assert len({(path, change.line) for path, change in first}) == 4
    assert any(drawn(tree, seed=seed, count=4) != first for seed in range(20))


def test_no_more_changes_than_lines(tree: Path) -> None:
    assert len(drawn(tree, seed=1, count=100)) == 6


def test_fields_of_models_are_left_out(tree: Path) -> None:
    text = "class A:\n    many = 3\n\n    def f(self):\n        return 4\n"
    (tree / "app/models/b.py").write_text(text)
    (tree / "app/a.py").write_text(text)
    places = {(path, change.line) for path, change in drawn(tree, seed=1, count=100)}
    assert places == {("app/a.py", 2), ("app/a.py", 5), ("app/models/b.py", 5)}

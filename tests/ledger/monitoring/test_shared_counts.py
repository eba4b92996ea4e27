"""Processes of one server count together, whichever answers, and whichever has died."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from ledger.env import BASE_DIR
from ledger.metrics import shared
from ledger.metrics.shared import FOLDER
from tests.metrics import Figures, figure, figures_in


class Counting:
    """A process of `tests.ledger.monitoring.counting`."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.ledger.monitoring.counting"],
            cwd=BASE_DIR,
            env=os.environ | {FOLDER: str(folder)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.slot = self._line()

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def do(self, word: str) -> str:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()
        return self._line()

    def read(self) -> Figures:
        return figures_in(self.do("read").replace("|", "\n"))

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], Counting]]:
    with ExitStack() as running:

        def started() -> Counting:
            found = Counting(tmp_path / "counts")
            running.callback(found.process.communicate)
            running.callback(found.kill)
            return found

        yield started


def events(found: Figures) -> tuple[float | None, float | None]:
    return figure(found, "events_total", kind="any"), figure(found, "open_things")


def test_each_process_tells_what_all_have_counted(start: Callable[[], Counting]) -> None:
    one, other = start(), start()
    for process in (one, one, other):
        process.do("count")
    assert {one.slot, other.slot} == {"ready 0", "ready 1"}
    assert events(one.read()) == events(other.read()) == (3, 3)


def test_what_a_killed_process_counted_stays_and_its_gauges_go(
    start: Callable[[], Counting],
) -> None:
    one, other = start(), start()
    one.do("count")
    other.do("count")
    one.kill()
    assert events(other.read()) == (2, 1)


def test_the_next_process_counts_on_in_the_place_of_the_dead_one(
    start: Callable[[], Counting], tmp_path: Path
) -> None:
    other = start()
    other.do("count")
    for number in range(3):
        one = start()
        assert one.slot == "ready 1"
        one.do("count")
        assert events(one.read()) == (number + 2, 2)
        one.kill()
    assert len(list((tmp_path / "counts").glob("*.db"))) == 4, "as many as run at once"


def test_a_forked_process_has_a_place_of_its_own(start: Callable[[], Counting]) -> None:
    one = start()
    one.do("count")
    one.do("fork")
    one.do("fork")
    one.do("count")
    assert events(one.read()) == (4, 2), "the children are gone"


def test_a_folder_that_cannot_be_used_stops_the_start(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    done = subprocess.run(
        [sys.executable, "-m", "tests.ledger.monitoring.counting"],
        cwd=BASE_DIR,
        env=os.environ | {FOLDER: str(file)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    assert done.stderr.startswith(FOLDER)
    assert len(done.stderr.splitlines()) == 1


def test_an_empty_variable_counts_as_not_set(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.ledger.monitoring.counting"],
        cwd=tmp_path,
        env=os.environ | {FOLDER: "", "PYTHONPATH": str(BASE_DIR)},
        input="count\nread\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert 'events_total{kind="any"} 1.0' in done.stdout
    assert list(tmp_path.iterdir()) == [], "it counts in no file"


def test_folders_that_a_killed_server_left_are_removed(
    tmp_path: Path, start: Callable[[], Counting]
) -> None:
    left, new = tmp_path / f"{shared.PREFIX}left", tmp_path / f"{shared.PREFIX}new"
    for folder in (left, new):
        folder.mkdir()
        (folder / shared.SLOTS).touch()
    used = tmp_path / f"{shared.PREFIX}used"
    (tmp_path / "counts").symlink_to(used)
    used.mkdir()
    start()
    for folder in (left, used):
        os.utime(folder, (time.time() - 3600,) * 2)
    shared.remove_left(tmp_path)
    assert not left.exists()
    assert used.exists(), "a process counts there"
    assert new.exists(), "its owner may not be there yet"

"""The bench at tiny size, so that it keeps working. Its results have no meaning."""

import fcntl
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from ledger.env import BASE_DIR
from tests.bench import history
from tests.bench.__main__ import ROLES
from tests.bench.figures import Figure, Target, table
from tests.bench.output import BEGINS, ENDS, write_markdown
from tests.bench.rounds import alternate, compared
from tests.ledger.processes import environment, reachable_folder
from transactions.audit.audit import audit


@pytest.fixture
def folder() -> Iterator[Path]:
    with reachable_folder() as found:
        yield found


def _bench(folder: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    """Runs the bench at tiny size, with a separate data folder."""
    return subprocess.run(
        [sys.executable, "-m", "tests.bench", "--toy", *options],
        cwd=BASE_DIR,
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def test_a_run_measures_every_part_and_leaves_nothing_behind(folder: Path) -> None:
    """One test for the whole run, which takes ten seconds."""
    run = _bench(folder, "--plans", "--markdown", str(folder / "run.md"))
    assert run.returncode == 0, run.stderr
    written = json.loads((folder / "bench.json").read_text())
    _every_part_is_held_to_its_target(written["figures"])
    _the_table_names_comparisons_and_machine(run.stdout)
    _the_plans_are_of_what_was_really_sent(written["plans"])
    left = {path.name for path in folder.iterdir()}
    assert left <= {"bench.json", "bench.lock", "run.md", "secret_key"}


def _every_part_is_held_to_its_target(figures: list[dict[str, Any]]) -> None:
    measured = [figure for figure in figures if figure["value"] is not None]
    assert {figure["part"] for figure in measured} == set(ROLES)
    assert {figure["target"] for figure in figures} >= {
        "at least 3.5 x", "none", "at least 1.6 x", "at least 40 x", "at least 0.6 x",
        "at most 400 bytes", "at most 1.5 x", "at least 0.8 x", "at least 0.9 x",
    }  # fmt: skip
    comparisons = {figure["against"] for figure in measured}
    assert comparisons >= {"textbook", "pgbench", "COPY", "COPY with all triggers", "spread"}


def _the_table_names_comparisons_and_machine(printed: str) -> None:
    assert "post_batch, 1,000 per batch" in printed
    assert "textbook: two `select_for_update().get()`" in printed
    assert "processors " in printed
    assert "Buffers:" in printed


def _the_plans_are_of_what_was_really_sent(plans: dict[str, list[dict[str, Any]]]) -> None:
    (first_page,) = (plan for title, plan in plans.items() if "first page" in title)
    assert any("Index Scan" in line for line in first_page[0]["lines"])
    assert any("Buffers:" in line for line in first_page[0]["lines"])
    assert any("FOR NO KEY UPDATE" in plan["sql"] for plan in plans["one transfer"])


def test_a_second_bench_in_the_folder_is_refused(folder: Path) -> None:
    with (folder / "bench.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = _bench(folder)
    assert done.returncode == 1
    assert done.stderr.startswith("Another bench is running")


@pytest.mark.django_db(transaction=True)
def test_a_generated_history_is_one_that_the_audit_finds_clean() -> None:
    history.fill(connection.settings_dict["NAME"], 7_000)
    result = audit()
    assert result.clean, result.findings
    assert result.transactions == 7_000


def test_every_second_round_goes_backwards() -> None:
    order: list[str] = []

    def turn(name: str) -> float:
        order.append(name)
        return 1.0

    alternate(3, {"a": lambda: turn("a"), "b": lambda: turn("b")})
    assert "".join(order) == "abbaab"


def test_a_ratio_is_the_median_of_the_rounds_own() -> None:
    figure = compared("part", "what", {"ours": [10, 4, 90], "them": [5, 1, 100]}, "them", Target(2))
    assert (figure.value, figure.rival, figure.ratio, figure.met) == (10, 5, 2, True)


def test_a_missed_target_is_shouted() -> None:
    slow = Figure("part", "slow", 1, "/s", "them", 2, 0.5, Target(1))
    fat = Figure("part", "fat", 451, "bytes", target=Target(450, at_least=False, unit="bytes"))
    lean = Figure("part", "lean", 450, "bytes", target=Target(450, at_least=False, unit="bytes"))
    lost = Figure("part", "lost", None, "/s", "them", target=Target(1), note="not installed")
    ends = [line.split("  ")[-1].strip() for line in table([slow, fat, lean, lost]).splitlines()]
    assert ends[2:] == ["MISSED", "MISSED", "reached", "at least 1 x"]


def test_a_run_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    file = tmp_path / "performance.md"
    file.write_text(f"Before.\n{BEGINS}\nold\n{ENDS}\nAfter.\n")
    write_markdown(file, "new")
    write_markdown(file, "newer")
    assert file.read_text() == f"Before.\n{BEGINS}\n\nnewer\n\n{ENDS}\nAfter.\n"

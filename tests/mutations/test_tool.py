"""The whole tool, on a small checkout with changes whose outcome is known."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutations.__main__ import AS_MAKE_TEST
from tests.mutations.places import Mutation
from tests.mutations.sessions import Runner, Trial

TOOL = Path(__file__).resolve().parent
CODE = '''"""A toy."""

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib import import_module

LIMIT = 3


def strong(number):
    return number < 10


def weak(number):
    return number > 10


def in_order(number):
    return number > 20


def never_called(number):
    return number >= 10


def in_thread(number):
    with ThreadPoolExecutor() as pool:
        return pool.submit(lambda: number == 10).result()


def shared():
    return 5 > 4


def within_limit(number):
    return LIMIT >= number


def in_a_worker(number):
    return number != 10


STEP = 1


def after(number):
    return number + STEP


def next_of(number):
    return number + 1


@cache
def cached(number):
    return number * 8


KEPT = {}


def kept(number):
    if number not in KEPT:
        KEPT[number] = number * 6
    return KEPT[number]


kept(1)


def made_at_import():
    return 7


MADE = made_at_import()


def made():
    return MADE


def named():
    return import_module(".names", __package__).NAME
'''
TESTS = """
import subprocess, sys
from pathlib import Path
import pytest
from toy import code

@pytest.fixture(scope="module")
def shared():
    return code.shared()

def test_strong():
    assert code.strong(9) and not code.strong(10)

def test_weak():
    assert code.weak(11)

def test_thread():
    assert code.in_thread(10)

def test_before():
    pass

def test_uses_nothing(shared):
    pass

def test_uses_shared(shared):
    assert shared

def test_limit():
    assert code.within_limit(3) and not code.within_limit(4)

def test_in_a_worker():
    command = [sys.executable, "-c", "from toy import code; print(code.in_a_worker(10))"]
    assert not code.in_a_worker(10)
    assert subprocess.run(command, capture_output=True).stdout == b"False\\n"

@pytest.mark.parametrize("number", range(8))
def test_fills_the_cache(number):
    assert code.cached(1)

def test_cached():
    assert code.cached(1) == 8

def test_kept():
    assert code.kept(2) and code.kept(1) == 6

def test_made():
    assert code.made() == 7

def test_named():
    assert code.named() == 1

@pytest.mark.whole_code
def test_reads_all():
    assert "SIZE = 4" in (Path(__file__).parent.parent / "toy/far/sizes.py").read_text()

def test_that_passes_only_once():
    assert code.after(1) == 2
    assert not Path("MARKER").exists()
    Path("MARKER").touch()

def test_that_fails_once_after_a_change():
    left = Path("MARKER.left")
    if code.next_of(1) != 2:
        left.exists() or left.write_text("1")
        assert False
    if left.exists() and left.read_text() == "1":
        left.write_text("2")
        assert False

SEEN = []

def test_that_fails_after_the_next():
    assert code.in_order(21) and sum(range(3_000_000)) and not SEEN

def test_that_takes_less_time_and_so_is_tried_first():
    assert code.in_order(22)
    SEEN.append(1)

def test_that_fails_anyway():
    assert code.weak(10)
"""
FAILED_ONCE = "noticed by tests/test_code.py::test_that_fails_once_after_a_change"
REMOVAL = (
    "import os, sys, pathlib\npathlib.Path('REMOVED').write_text(f'{os.getcwd()}/{sys.argv[1]}')\n"
)
LOOP = (
    "def loop():\n    number = 0\n    while number < 3:\n        number += 1\n    return number\n"
)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("toy")
    for name, text in {
        "toy/__init__.py": "",
        "toy/code.py": CODE,
        "toy/loop.py": LOOP,
        "toy/names.py": "NAME = 1\n",
        "toy/far/sizes.py": "SIZE = 4\n",
        "tests/__init__.py": "",
        "tests/test_code.py": TESTS.replace("MARKER", str(root.with_name("marker"))),
        "tests/test_loop.py": "from toy import loop\ndef test():\n    assert loop.loop() == 3\n",
        "ledger/embedded/removal.py": REMOVAL.replace("REMOVED", str(root.with_name("removed"))),
        "pytest.ini": "[pytest]\ntestpaths = tests\n",
        ".gitignore": ".data/\n__pycache__/\n",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    shutil.copytree(TOOL, root / "tests" / "mutations", ignore=shutil.ignore_patterns("test_*"))
    subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)
    return root


def run(
    checkout: Path, *arguments: str, program: tuple[str, str] = ("-m", "tests.mutations")
) -> subprocess.CompletedProcess[str]:
    variables = {k: v for k, v in os.environ.items() if k != "DJANGO_SETTINGS_MODULE"}
    variables |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
                  "PYTEST_PLUGINS": "xdist.plugin,pytest_django.plugin"}  # fmt: skip
    return subprocess.run([sys.executable, *program, *arguments], cwd=checkout, env=variables,
                          capture_output=True, text=True, check=False)  # fmt: skip


def contents(checkout: Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(file): (file.read_bytes(), file.stat().st_mtime_ns)
        for file in checkout.rglob("*")
        if file.is_file() and not {".data", ".git", "__pycache__"} & {*file.parts}
    }


@pytest.fixture(scope="module")
def result(checkout: Path) -> subprocess.CompletedProcess[str]:
    before = contents(checkout)
    files = ("toy/code.py", "toy/names.py", "toy/far")
    ended = run(checkout, *files, "--all", "--tests=-n 2 tests/test_code.py")
    assert contents(checkout) == before
    return ended


def lines_with(result: subprocess.CompletedProcess[str], text: str) -> list[str]:
    found = [line for line in result.stdout.splitlines() if text in line]
    assert found, result.stdout + result.stderr
    return found


@pytest.mark.parametrize(
    ("code", "change", "verdict"),
    [
        ("return number < 10", "<  ->  <=", "noticed by tests/test_code.py::test_strong"),
        ("return number > 10", ">  ->  >=", "SURVIVED all 1 tests of this line"),
        ("return number > 10", "10  ->  11", "noticed by tests/test_code.py::test_weak"),
        ("return number >= 10", ">=  ->  >", "NOT RUN by these tests"),
        ("pool.submit(", "==  ->  !=", "noticed by tests/test_code.py::test_thread"),
        ("return 5 > 4", "5  ->  6", "SURVIVED all 2 tests of this line"),
        ("return 5 > 4", "4  ->  5", "noticed by tests/test_code.py::test_uses_shared"),
        ("LIMIT = 3", "3  ->  4", "noticed by tests/test_code.py::test_limit"),
        ("return number != 10", "!=  ->  ==", "noticed by tests/test_code.py::test_in_a_worker"),
        ("return 7", "7  ->  8", "noticed by tests/test_code.py::test_made"),
        ("return number * 8", "8  ->  9", "noticed by tests/test_code.py::test_cached"),
        ("= number * 6", "6  ->  7", "noticed by tests/test_code.py::test_kept"),
        # The only test that could notice these changes fails without the change too.
        ("return number + STEP", "+  ->  -", "SURVIVED 0 of 1 tests of this line"),
        ("STEP = 1", "1  ->  2", "SURVIVED 23 of 25 tests of this line"),
        # This test also fails, after a test that a trial runs before it and that pytest runs after
        # it.
        ("return number > 20", ">  ->  >=", "SURVIVED 1 of 2 tests of this line"),
        # Their test failed once without the change, because of the rest of an earlier trial.
        ("return number + 1", "number + 1  ->  None", FAILED_ONCE),
        ("return number + 1", "+  ->  -", FAILED_ONCE),
        ("return number + 1", "1  ->  2", FAILED_ONCE),
    ],
)
def test_each_change_has_its_verdict(
    result: subprocess.CompletedProcess[str], code: str, change: str, verdict: str
) -> None:
    number = 1 + next(n for n, line in enumerate(CODE.splitlines()) if code in line)
    [line] = lines_with(result, f"toy/code.py:{number}: {change}  ")
    assert line.endswith(f"  {verdict}")


def test_a_module_that_no_file_names_has_the_tests_of_its_folder(
    result: subprocess.CompletedProcess[str],
) -> None:
    [line] = lines_with(result, "toy/names.py:1: 1  ->  2")
    assert line.endswith("  noticed by tests/test_code.py::test_named")


def test_tests_of_the_whole_code_are_tried_for_what_runs_at_import(
    result: subprocess.CompletedProcess[str],
) -> None:
    [line] = lines_with(result, "toy/far/sizes.py:1: 4  ->  5")
    assert line.endswith("  noticed by tests/test_code.py::test_reads_all")


@pytest.mark.usefixtures("result")
def test_the_copy_and_its_server_are_removed(checkout: Path) -> None:
    data = Path(checkout.with_name("removed").read_text())
    assert data.name == ".data"
    assert data.parent != checkout
    assert not data.parent.exists()


def test_tests_that_fail_without_a_change_are_named_and_not_used(
    result: subprocess.CompletedProcess[str],
) -> None:
    assert (
        lines_with(result, "  not used, because")
        == lines_with(result, "test_that_fails_anyway")[-1:]
    )


def test_survivors_decide_the_exit_code(
    checkout: Path, result: subprocess.CompletedProcess[str]
) -> None:
    assert result.returncode == 1, result.stderr
    arguments = ["--tests=-n 2 tests/test_code.py", "--seed=4", "--changes=6", "--allow=6"]
    again = run(checkout, "toy/code.py", *arguments)
    assert again.returncode == 0, again.stderr
    drawn = lines_with(again, "toy/code.py:")
    assert len(drawn) == 6
    assert {*drawn} <= {*lines_with(result, "toy/code.py:")}
    assert "Recording" not in again.stdout  # but not in the first run
    assert "Recording" in result.stdout


def test_a_change_that_never_ends_is_noticed(checkout: Path) -> None:
    impatient = (
        "import sys; from tests.mutations import __main__, sessions;"
        "sessions.SECONDS_TO_START = 3; sys.exit(__main__.main())"
    )
    arguments = ["toy/loop.py", "--all", "--tests=tests/test_loop.py"]
    ended = run(checkout, *arguments, program=("-c", impatient))
    [line] = lines_with(ended, "toy/loop.py:4: +=  ->  -=")
    assert "noticed by the limit of" in line


def test_a_pytest_that_never_starts_notices_no_change(checkout: Path, tmp_path: Path) -> None:
    change = Mutation(line=1, start=7, end=8, replacement="2", kind="constant")
    trial = Trial(0, "toy/names.py", change, ["tests/none.py::test"], 9.0, 1, is_fresh=True)
    with pytest.raises(RuntimeError, match="without the change"):
        Runner(checkout, tmp_path).alone(trial)


def test_by_default_the_tests_are_those_of_make_test() -> None:
    makefile = (TOOL.parent.parent / "Makefile").read_text()
    [command] = re.findall(
        r"^test: install-dev\n.* -m pytest (.*) \$\(TESTS\)$", makefile, re.MULTILINE
    )
    assert command == AS_MAKE_TEST


def test_a_wrong_file_is_refused(checkout: Path) -> None:
    ended = run(checkout, "toy/none.py")
    assert ended.returncode == 1
    assert "toy/none.py" in ended.stderr

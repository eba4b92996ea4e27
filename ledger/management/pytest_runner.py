"""The test runner of `manage.py test`, which runs pytest on the folder `tests` like `make test`."""

import os
import re
import subprocess
import sys
from argparse import SUPPRESS, Action, ArgumentParser, ArgumentTypeError
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from django.apps import apps
from django.core.management.base import CommandError

from ledger.env import BASE_DIR

TESTS = BASE_DIR / "tests"
SITE_SETTINGS = "ledger.settings"  # the default of manage.py
REFUSED_OPTIONS = (
    "--buffer", "--debug-mode", "--debug-sql", "--durations", "--no-faulthandler", "--pdb",
    "--reverse", "--shuffle", "--timing",
)  # fmt: skip
WITH_A_VALUE = ("--tag", "--exclude-tag", "-p --pattern", "-t --top-level-directory")
VERBOSITY = ("-q", "", "-v", "-vv")
SHELL_WILDCARDS = re.compile(r"\*|\?|\[[^\]]*\]")
CHOSE_NO_TEST = 5  # pytest returns this exit code if it selected no tests
ALL_SLOW = "All tests here are slow, or there are none. Add --slow to run the slow tests too."
NONE = "No test has such a name."
NOT_FOR_TESTS = (
    "Tests do not run with --settings {}, whose database may be that of a bank. Leave --settings"
    " out, or write a module that begins with: from tests.settings import *"
)


class _Refused(Action):
    """An option of Django's test runner that is refused, because pytest has another option for
    it.
    """

    def __call__(self, parser: ArgumentParser, *_given: Any) -> None:
        parser.error(
            f"{self.option_strings[0]} is an option of Django's runner, but pytest runs the tests."
            " Run .venv/bin/python -m pytest with an option of pytest; --help lists them."
        )


class PytestRunner:
    """The test runner for the setting TEST_RUNNER, which runs pytest in another process and on the
    embedded server.

    The settings module comes from --settings or DJANGO_SETTINGS_MODULE. If DJANGO_SETTINGS_MODULE
    contains the site's module, `tests.settings` replaces it. The runner accepts --slow, and the
    options of Django's runner that pytest also has.
    """

    def __init__(
        self,
        *,
        verbosity: int = 1,
        failfast: bool = False,
        parallel: int | str | None = None,
        slow: bool = False,
        expressions: Sequence[str] = (),
        settings: str | None = None,
        **_options: Any,
    ) -> None:
        self.settings = settings
        self.parallel = (
            "" if parallel is None else str(parallel)
        )  # Django has replaced "auto" with a number
        self.nothing = NONE if slow or expressions else ALL_SLOW
        self.options = [VERBOSITY[verbosity]] if VERBOSITY[verbosity] else []
        if failfast:
            self.options.append("-x")
        if not slow:
            self.options += ["-m", "not slow"]
        if expressions:
            self.options += ["-k", " or ".join(map(_pytest_expression, expressions))]

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        """Adds the options of this runner to `manage.py test`."""
        add = parser.add_argument
        add("--failfast", action="store_true", help="Stop at the first test that fails.")
        add("-k", dest="expressions", action="append", metavar="PATTERN", help="Run only tests "
            "whose names match; may be repeated.")  # fmt: skip
        add("--parallel", nargs="?", const="auto", type=processes, metavar="N", help="Run tests in "
            "N processes; without N, one for each processor. This is the default if there are no "
            "labels.")  # fmt: skip
        add("--slow", action="store_true", help="Run the slow tests too, as make test-all does.")
        add("--keepdb", action="store_true", help="Has no effect: test databases are always copies "
            "of a database that is kept.")  # fmt: skip

        for names in WITH_A_VALUE:
            add(*names.split(), action=_Refused, help=SUPPRESS)
        for name in REFUSED_OPTIONS:
            add(name, action=_Refused, nargs=0, help=SUPPRESS)

    def run_tests(self, test_labels: Sequence[str]) -> int:
        """Runs the tests with these labels, or all tests without labels. Returns pytest's exit code
        (0: all tests pass).

        Raises CommandError if a label has no tests, if the tests or their packages are not
        installed, or if --settings is the site's module.
        """
        if self.settings == SITE_SETTINGS:
            raise CommandError(NOT_FOR_TESTS.format(SITE_SETTINGS))
        if not TESTS.is_dir():
            raise CommandError("This installation has no tests; they are in the repository.")
        if find_spec("pytest") is None:
            raise CommandError("The packages for tests are missing. Run: make install-dev")
        places = [place_of(label) for label in test_labels]
        is_all = not places or TESTS.name in places
        parallel = self.parallel or ("auto" if is_all else "0")
        options = ["-n", parallel, "--dist", "loadgroup", *self.options]
        command = [sys.executable, "-m", "pytest", *options, *places]
        ended = subprocess.run(command, cwd=BASE_DIR, env=self._environment(), check=False)
        if ended.returncode == CHOSE_NO_TEST:
            raise CommandError(self.nothing)
        return ended.returncode

    def _environment(self) -> dict[str, str]:
        """Returns the environment variables for pytest. The database settings are empty, because
        they may contain a real bank's database.
        """
        named = self.settings or os.environ.get("DJANGO_SETTINGS_MODULE", SITE_SETTINGS)
        module = "tests.settings" if named == SITE_SETTINGS else named
        chosen = {"DATABASE_URL": "", "DB_NAME": "", "DJANGO_SETTINGS_MODULE": module}
        return {**os.environ, **chosen}


def _pytest_expression(pattern: str) -> str:
    """Returns the pytest expression for a shell pattern, which is the form that Django's runner
    accepts.
    """
    parts = SHELL_WILDCARDS.split(pattern)
    wanted = " and ".join(filter(None, parts)) or "test"  # * matches all tests
    return f"({wanted})" if len(parts) > 1 else pattern


def processes(text: str) -> str:
    """Returns the value of --parallel. Raises ArgumentTypeError unless the value is a number or
    "auto".
    """
    if text != "auto" and not text.isdecimal():
        raise ArgumentTypeError(f"{text} is neither a number nor auto; write labels before it")
    return text


def place_of(label: str) -> str:
    """Returns the path or node id by which pytest finds the tests of a label.

    A label can be one of these:

    - a path below the project, perhaps with `::` and a test
    - the name, label or path of an app, or of a folder in the app
    - the dotted name of a module, class or test
    - `.` for all tests

    Raises CommandError if the label has no tests.
    """
    if label in (".", "./"):
        return TESTS.name
    path = BASE_DIR / label.partition("::")[0]
    if path.exists() and path.resolve().is_relative_to(TESTS):
        return label
    dotted = label.removeprefix("./").rstrip("/").replace("/", ".")
    head, dot, rest = dotted.partition(".")
    if head in apps.app_configs:
        dotted = apps.app_configs[head].name + dot + rest
    names = ["tests", *[name for name in dotted.split(".") if name != "tests"]]
    folder = "/".join(names)
    is_name = len(names) > 1 and all(map(str.isidentifier, names))
    if is_name and (BASE_DIR / folder).is_dir():
        return folder
    for count in range(len(names), 1, -1) if is_name else ():
        file = "/".join(names[:count]) + ".py"
        if (BASE_DIR / file).is_file():
            return "::".join([file, *names[count:]])
    app = label.replace("/", ".").partition(".")[0]
    if app not in ("", TESTS.name) and any((BASE_DIR / app).glob("test*")):
        raise CommandError(
            f"{label}: tests are below tests, where their fixtures are. Move those of {app}"
            f" to tests/{app}/test_pages.py, or other files whose names begin with test_, and"
            f" import from {app}.models in place of .models. Every page needs a sign-in: call"
            " self.client.force_login(UserFactory()), with UserFactory of tests.factories."
        )
    raise CommandError(
        f"{label}: there are no such tests. Name an app, such as accounts, or a folder, file or "
        "test below tests, such as tests/accounts/test_pages.py or tests.accounts.test_pages."
    )

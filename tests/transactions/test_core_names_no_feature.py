"""No import, table, template, address, permission or page of a feature of `banking` is named in the
core or in another feature.
"""

import ast
import re
import tomllib
from collections.abc import Iterator
from importlib import import_module

import pytest
from django.apps import apps

from ledger.env import BASE_DIR
from tests.checks import tracked_files

FEATURES = tuple(sorted(file.parent.name for file in BASE_DIR.glob("banking/*/__init__.py")))
CORE = ("accounts/", "transactions/", "ledger/", "templates/")
# These may name features: commands, which are above all apps, and settings.
NOT_CORE = re.compile(r"ledger/(management|settings)/")


def may_name() -> set[tuple[str, ...]]:
    """Pairs of features. The first may import the second by the contract of import-linter."""
    tools = tomllib.loads((BASE_DIR / "pyproject.toml").read_text())["tool"]
    contracts = tools["importlinter"]["contracts"]
    (contract,) = (each for each in contracts if each.get("modules") == ["banking.*"])
    return {tuple(re.findall(r"banking\.(\w+)", line)) for line in contract["ignore_imports"]}


MAY_NAME = may_name()


def names_of(feature: str) -> Iterator[str]:
    """Patterns of what belongs to a feature, as it stands in texts of Python and in templates."""
    yield rf"banking\.{feature}\b"
    for config in apps.get_app_configs():
        if config.name != f"banking.{feature}":
            continue
        yield rf"['\"]{config.label}/\w"
        yield rf"{{% load [^%]*\b{config.label}\b|\bperms\.{config.label}\b|admin:{config.label}\b"
        for model in config.get_models():
            label, name = config.label, model._meta.model_name
            yield rf"\b{label}\.\w+_{name}\b|\b{label}_{name}_|\b{label}\.(?i:{name})\b"
            if model._meta.proxy:  # it carries triggers on a table of somebody else
                continue
            table = model._meta.db_table
            # A table whose name is a word of English is one in SQL.
            before = r"\b(FROM|JOIN|INTO|UPDATE|TABLE|ON|TRUNCATE|USING|ONLY|EXISTS|REFERENCES)\s+"
            in_sql = rf"{before}(public\.)?\"?{table}\b|'{table}'"
            yield rf"\b{table}\b" if "_" in table else in_sql
    if (BASE_DIR / "banking" / feature / "urls.py").exists():
        for address in import_module(f"banking.{feature}.urls").urlpatterns:
            yield rf"transactions:{address.name}['\"]"


def texts(path: str, source: str) -> Iterator[str]:
    """A template as a whole; the text literals of Python code, and the names of its imports."""
    if not path.endswith(".py"):
        yield source
        return
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            # As a template would write it, so that one pattern fits both.
            yield f"'{node.value}'"
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{name.name}" for name in node.names)
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)


def pattern_of(feature: str) -> re.Pattern[str]:
    return re.compile("|".join(names_of(feature)))


def hits(path: str, source: str, pattern: re.Pattern[str]) -> Iterator[str]:
    for text in texts(path, source):
        for found in pattern.finditer(text):
            yield f"{path}: {found.group()}"


def named(feature: str, folders: tuple[str, ...]) -> list[str]:
    """Where a feature is named in these folders."""
    pattern = pattern_of(feature)
    return [
        hit
        for path, source in tracked_files(".py", ".html", ".txt", ".sql")
        if path.startswith(folders) and not NOT_CORE.match(path) and "/migrations/" not in path
        for hit in hits(path, source, pattern)
    ]


@pytest.mark.parametrize("feature", FEATURES)
def test_the_core_names_nothing_of_a_feature(feature: str) -> None:
    assert named(feature, CORE) == []


@pytest.mark.parametrize("feature", FEATURES)
def test_features_name_nothing_of_another_one(feature: str) -> None:
    others = [
        f"banking/{other}/" for other in FEATURES
        if other != feature and (other, feature) not in MAY_NAME
    ]  # fmt: skip
    assert named(feature, tuple(others)) == []


def test_what_belongs_to_a_feature_is_found() -> None:
    pattern = pattern_of("outside")
    for text in (
        "'outside/account.html'", "'transactions:outside'", "'outside.OutsideAccount'",
        "'banking.outside.reads'", "SELECT 1 FROM a, outside_entries",
        "'outside.view_outsideentry'", "'outside.outsideaccount'", "perms.outside.x",
    ):  # fmt: skip
        assert pattern.search(text), text
    assert named("outside", ("banking/outside/",))


@pytest.mark.parametrize(
    ("feature", "path", "source"),
    [
        ("alerts", "a.py", 'SQL = f"SELECT {1} FROM alerts"'),
        ("payment_files", "a.py", 'read("payment_lines")'),
        ("alerts", "a.py", "import banking.alerts"),
        ("alerts", "a.py", "from banking import alerts"),
        ("alerts", "a.py", 'table = "alerts"'),
        ("standing_orders", "a.py", '"UPDATE standing_orders SET amount = 1"'),
        ("alerts", "a.html", '{% include "alerts/_bell.html" %}'),
        ("payment_files", "a.html", "{{ payment_lines }}"),
    ],
)
def test_each_way_to_name_a_feature_is_found(feature: str, path: str, source: str) -> None:
    assert list(hits(path, source, pattern_of(feature)))


def test_a_feature_may_name_what_it_may_import_and_a_word_of_english_is_no_table() -> None:
    assert ("alerts", "standing_orders") in MAY_NAME
    assert not list(hits("a.py", '"Send them alerts."', pattern_of("alerts")))

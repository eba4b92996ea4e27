"""A feature of `banking/` is not named below it: no import, table or template in a text."""

import ast
import re
from collections.abc import Iterator

import pytest
from django.apps import apps

from ledger.env import BASE_DIR
from tests.checks import tracked_files

FEATURES = sorted(path.parent.name for path in BASE_DIR.glob("banking/*/__init__.py"))
USES = {("alerts", "standing_orders"), ("reconciliation", "outside")}
PACKAGES = {"accounts", "banking", "ledger", "templates", "transactions"}
# The settings list the features, adopt_migrations the migrations of all apps. The commands in
# `ledger/` are above all apps.
NOT_READ = re.compile(
    r"/migrations/|^ledger/\w*settings\.py$|/adopt_migrations\.py$|^ledger/management/"
)


def tables_of_features() -> dict[str, str]:
    """The feature of each table."""
    found: dict[str, str] = {}
    for model in apps.get_models(include_auto_created=True):
        if model.__module__.startswith("banking.") and not model._meta.proxy:
            found[model._meta.db_table] = model.__module__.split(".")[1]
    return found


def patterns() -> dict[str, re.Pattern[str]]:
    """By feature, what its name, tables and templates look like in a text. A table with the name
    of an English word counts where SQL names a table, or alone.
    """
    tables = tables_of_features()
    return {each: _pattern(each, [t for t in tables if tables[t] == each]) for each in FEATURES}


def _pattern(feature: str, tables: list[str]) -> re.Pattern[str]:
    long = [name for name in tables if "_" in name]
    short = [name for name in tables if "_" not in name]
    parts = [rf"\bbanking\.{feature}\b", rf"(?<![\w/.-]){feature}/\w+\.(?:html|txt)\b"]
    parts += [rf"\b(?:{'|'.join(long)})\b"] if long else []
    if short:
        one = "|".join(short)
        parts.append(rf'(?:\b(?:FROM|JOIN|INTO|UPDATE|TABLE|ON)\s+"?(?:{one})\b|\A(?:{one})\Z)')
    return re.compile("|".join(parts))


def texts_of(path: str, source: str) -> Iterator[str]:
    """The texts of a file: of Python, its imports and strings."""
    if not path.endswith(".py"):
        yield source
        return
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{name.name}" for name in node.names)
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)


def named(path: str, source: str, known: dict[str, re.Pattern[str]]) -> Iterator[str]:
    """The features that a file names, although it does not belong to them nor to one above."""
    parts = path.split("/")
    own = parts[1] if parts[0] == "banking" else ""
    for text in texts_of(path, source):
        for feature, pattern in known.items():
            if feature != own and (own, feature) not in USES and (hit := pattern.search(text)):
                yield f"{path} names {hit[0]!r} of {feature}"


def test_no_package_below_names_a_feature() -> None:
    known = patterns()
    words = re.compile("|".join([*FEATURES, *tables_of_features()]))  # saves most of the parsing
    assert not [
        found
        for path, source in tracked_files(".py", ".html", ".txt", ".sql")
        if path.split("/")[0] in PACKAGES and not NOT_READ.search(path) and words.search(source)
        for found in named(path, source, known)
    ]


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("accounts/a.py", 'SQL = f"SELECT {1} FROM alerts"'),
        ("transactions/a.py", 'read("payment_lines")'),
        ("transactions/a.py", "import banking.alerts"),
        ("ledger/a.py", "from banking import alerts"),
        ("ledger/a.py", 'table = "alerts"'),
        ("banking/events/a.py", '"UPDATE standing_orders SET amount = 1"'),
        ("templates/a.html", '{% include "alerts/_bell.html" %}'),
        ("transactions/templates/a.html", "{{ payment_lines }}"),
    ],
)
def test_each_way_to_name_a_feature_is_seen(path: str, source: str) -> None:
    assert list(named(path, source, patterns()))


def test_a_feature_names_itself_and_what_it_may_import() -> None:
    own = '"UPDATE alerts SET amount = 1 FROM standing_orders"'
    assert not list(named("banking/alerts/a.py", own, patterns()))
    assert not list(named("accounts/a.py", '"Tell them of alerts."', patterns()))

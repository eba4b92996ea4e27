"""The core names no template, template tag, address or table of a feature of `banking`;
import-linter holds its imports.
"""

import re
from collections.abc import Iterator
from importlib import import_module

from django.apps import apps
from django.db.models import Model

from ledger.env import BASE_DIR
from tests.checks import tracked_files

FEATURES = tuple(sorted(file.parent.name for file in BASE_DIR.glob("banking/*/__init__.py")))
# These may name features: what moves banks of older code, and what stands on everything.
NOT_CORE = re.compile(r"accounts/management/commands/adopt_migrations|ledger/monitoring/")


def named(pattern: str, suffix: str, *folders: str) -> list[str]:
    """Where a pattern is found in files of the core."""
    compiled = re.compile(pattern)
    return [
        f"{path}: {found.group()}"
        for path, text in tracked_files(suffix)
        if path.startswith(folders) and not NOT_CORE.match(path)
        for found in compiled.finditer(text)
    ]


def models() -> Iterator[type[Model]]:
    """The models of features. A proxy carries triggers on a table of somebody else."""
    for each in apps.get_models():
        if each.__module__.startswith("banking.") and not each._meta.proxy:
            yield each


def addresses() -> Iterator[str]:
    for name in FEATURES:
        if (BASE_DIR / "banking" / name / "urls.py").exists():
            for address in import_module(f"banking.{name}.urls").urlpatterns:
                yield address.name


def test_templates_of_the_core_name_nothing_of_a_feature() -> None:
    features = "|".join(FEATURES)
    assert named(rf"['\"]({features})/", ".html", "templates/") == []
    assert named(rf"{{% load [^%]*\b({features})\b", ".html", "templates/") == []
    assert named(f"transactions:({'|'.join(addresses())})['\"]", ".html", "templates/") == []


def test_statements_of_the_core_name_no_table_of_a_feature() -> None:
    tables = "|".join({each._meta.db_table for each in models()})
    before = "FROM|JOIN|INTO|UPDATE|TABLE|ON|TRUNCATE"
    statement = rf'\b({before})\s+(ONLY\s+)?"?({tables})\b'
    assert named(statement, ".py", "accounts/", "transactions/", "ledger/") == []

"""The core names no template, template tag, address, permission or table of a feature of `banking`;
import-linter holds its imports.
"""

import ast
import re
from collections.abc import Iterator
from importlib import import_module

from django.apps import apps
from django.db.models import Model

from ledger.env import BASE_DIR
from tests.checks import tracked_files

FEATURES = tuple(sorted(file.parent.name for file in BASE_DIR.glob("banking/*/__init__.py")))
CORE = ("accounts/", "transactions/", "ledger/")
# These may name features: what moves banks of older code, and what stands on everything.
NOT_CORE = re.compile(
    r"accounts/management/commands/adopt_migrations|ledger/(monitoring/|management/|\w*settings\.py)"
)


def named(pattern: str) -> list[str]:
    """Where a pattern is found in templates of the core."""
    compiled = re.compile(pattern)
    return [
        f"{path}: {found.group()}"
        for path, text in tracked_files(".html")
        if path.startswith(("templates/", "transactions/"))
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


def labels() -> str:
    """A pattern of the labels of their Django apps."""
    return "|".join(each.label for each in apps.get_app_configs() if "banking." in each.name)


def texts(source: str) -> Iterator[str]:
    """The text literals of Python code, without docstrings."""
    nodes = list(ast.walk(ast.parse(source)))
    docstrings = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    for node in nodes:
        if isinstance(node, ast.Constant) and id(node) not in docstrings:
            yield str(node.value)


def test_templates_of_the_core_name_nothing_of_a_feature() -> None:
    features = "|".join(FEATURES)
    assert named(rf"['\"]({features})/") == []
    assert named(rf"{{% load [^%]*\b({features})\b") == []
    assert named(f"transactions:({'|'.join(addresses())})['\"]") == []
    assert named(rf"(admin:|perms\.)({labels()})\b|admin:({labels()})_") == []


def test_code_of_the_core_names_no_table_permission_or_page_of_a_feature() -> None:
    """In any text: a statement, `"alerts.view_alert"`, `"admin:alerts_alert_add"`."""
    names = "|".join(
        rf"{of.db_table}\b|{of.app_label}\.\w+_{of.model_name}|{of.app_label}_{of.model_name}_"
        for of in (each._meta for each in models())
    )
    pattern = re.compile(rf"\b({names})")
    found = [
        f"{path}: {text.strip()[:60]}"
        for path, source in tracked_files(".py")
        if path.startswith(CORE) and not NOT_CORE.match(path)
        for text in texts(source)
        if pattern.search(text)
    ]
    assert found == []

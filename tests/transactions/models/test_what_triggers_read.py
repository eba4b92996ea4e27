"""SQL counts as an import: the triggers of a package read tables of the packages below it."""

import re
from collections import defaultdict
from graphlib import TopologicalSorter
from typing import Any

import pgtrigger
from django.apps import apps

TABLE = re.compile(r'\b(?:FROM|JOIN|INTO|UPDATE)\s+(?:public\.)?"?(\w+)')
OURS = ("accounts", "banking", "cookbook", "explorer", "transactions")
MODELS: list[Any] = [
    model for model in apps.get_models()
    if model.__module__.startswith(OURS) and not model._meta.proxy
]  # fmt: skip


def package_of(model: Any) -> str:
    """The app of a model; of the app `transactions`, the core or the feature."""
    if model._meta.app_label != "transactions":
        return str(model._meta.app_label)
    package: str = model.__module__.split(".")[1]
    return "core" if package == "models" else package


def packages_read() -> dict[str, set[str]]:
    """By package, those whose tables its triggers read and its foreign keys point to."""
    tables = {model._meta.db_table: package_of(model) for model in MODELS}
    found: dict[str, set[str]] = defaultdict(set)
    for model, trigger in pgtrigger.registered():
        found[package_of(model)] |= {
            tables[name] for name in TABLE.findall(str(trigger.get_func(model))) if name in tables
        }
    for model in MODELS:
        others = {field.related_model for field in model._meta.concrete_fields}
        found[package_of(model)] |= {package_of(other) for other in others & {*MODELS}}
    return {package: read - {package} for package, read in found.items()}


def test_no_package_reads_one_that_reads_it() -> None:
    TopologicalSorter(packages_read()).prepare()  # raises CycleError


def test_people_and_the_core_read_no_feature() -> None:
    read = packages_read()
    assert (read["accounts"], read["core"]) == (set(), {"accounts"})


def test_a_table_that_a_trigger_reads_is_seen() -> None:
    read = packages_read()
    assert read["alerts"] == {"accounts", "standing_orders"}
    assert read["payment_files"] == {"accounts"}

"""docs/schema.md has every rule of the database by its name."""

import re

import pytest
from django.apps import apps
from django.conf import settings

CODE = re.compile(r"`(\w+)`")


@pytest.mark.whole_code
def test_the_page_names_each_constraint_and_trigger() -> None:
    """Those of the practice bank apart, whose tables are not Ledger's."""
    page = (settings.BASE_DIR / "docs" / "schema.md").read_text()
    rules = {
        rule.name
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed
        for rule in (*model._meta.constraints, *getattr(model._meta, "triggers", ()))
    }
    assert len(rules) > 200
    assert rules - set(CODE.findall(page)) == set()

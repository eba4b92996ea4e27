"""The pages of the documentation that the recipes cover."""

import inspect
import re
from collections import Counter
from importlib import import_module

import pytest
from django.test import Client

from cookbook.documentation import DJANGO_PAGES, POSTGRES_PAGES, links_of
from cookbook.recipes import BY_SLUG, RECIPES
from cookbook.templatetags.cookbook import whole_source
from tests.factories import UserFactory

MODULES = (
    "aggregates",
    "constraints",
    "expressions",
    "fields",
    "forms",
    "functions",
    "indexes",
    "operations",
    "search",
    "validators",
)
# Names that have no page of their own: bases and parts of other classes, and lookups.
PARTS = {
    "BaseRangeField",
    "CollationOperation",
    "CombinedSearchQuery",
    "CombinedSearchVector",
    "ExclusionConstraintExpression",
    "HiddenRangeWidget",
    "NotInTransactionMixin",
    "PostgresIndex",
    "RangeField",
    "SearchConfig",
    "SearchQueryCombinable",
    "SearchQueryField",
    "SearchVectorCombinable",
    "SearchVectorExact",
    "SplitArrayWidget",
    "StatAggregate",
    "TrigramBase",
    "TrigramWordBase",
}
NOT_ON_THE_SERVER = {"CryptoExtension"}  # the embedded server has no pgcrypto


def public_names(module: str) -> set[str]:
    """The names that a module of django.contrib.postgres exports and defines."""
    found = import_module(f"django.contrib.postgres.{module}")
    own = {
        name
        for name, value in vars(found).items()
        if inspect.isclass(value)
        and not name.startswith("_")
        and value.__module__.startswith(found.__name__)
    }
    return own | set(getattr(found, "__all__", ()))


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_of_djangos_postgres_package_has_a_recipe(module: str) -> None:
    printed = {
        name
        for recipe in RECIPES
        for name in re.findall(r"\w+", f"{whole_source(recipe)} {recipe.tables}")
    }
    assert public_names(module) - PARTS - NOT_ON_THE_SERVER - printed == set()


def test_no_exception_is_left_over() -> None:
    names = set().union(*(public_names(module) for module in MODULES))
    assert names >= PARTS | NOT_ON_THE_SERVER


def test_each_recipe_covers_one_page_of_django_and_at_most_one_of_postgres() -> None:
    for pages in (DJANGO_PAGES, POSTGRES_PAGES):
        counts = Counter(slug for slugs in pages.values() for slug in slugs.split())
        assert set(counts.values()) == {1}
        assert set(counts) <= set(BY_SLUG)
    assert {recipe.slug for recipe in RECIPES if "Django" not in links_of(recipe.slug)} == set()


@pytest.mark.usefixtures("practice_bank", "db")
def test_a_page_links_to_the_documentation(client: Client) -> None:
    client.force_login(UserFactory())
    page = client.get(BY_SLUG["parcels-by-bloom-index"].url).content.decode()
    for address in links_of("parcels-by-bloom-index").values():
        assert f'href="{address}"' in page

"""A site without `LEDGER_COOKBOOK` has neither cookbook nor lab: no address, no link, no key."""

import runpy
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from ledger.env import BASE_DIR
from tests.factories import UserFactory
from tests.ledger.processes import settings_with


@pytest.mark.django_db
@pytest.mark.parametrize("is_on", [True, False])
def test_the_switch_leaves_out_addresses_and_links(
    client: Client, settings: Any, is_on: bool
) -> None:
    settings.LEDGER_COOKBOOK = is_on
    urls = runpy.run_path(str(BASE_DIR / "ledger" / "urls.py"))
    settings.ROOT_URLCONF = tuple(urls["urlpatterns"])
    client.force_login(UserFactory())

    pages = [
        client.get(url) for url in ("/cookbook/", "/cookbook/lab/", "/cookbook/rents-by-size/")
    ]
    home = client.get("/").content.decode()

    assert [page.status_code for page in pages] == [200 if is_on else 404] * 3
    assert ("cookbook" in home.lower()) == is_on
    assert ('data-go="c"' in home) == is_on


DEMO = {"LEDGER_DEMO": "True"}


@pytest.mark.parametrize(
    ("chosen", "is_on"),
    [
        ({}, False),
        (DEMO, True),
        ({"DEBUG": "True"}, True),
        (DEMO | {"DATABASE_URL": "postgresql://me@localhost/ledger"}, False),
        (DEMO | {"LEDGER_COOKBOOK": "False"}, False),
        ({"LEDGER_COOKBOOK": "True"}, True),
    ],
)
def test_it_is_on_in_demo_and_development_alone(
    chosen: dict[str, str], is_on: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_with(monkeypatch, tmp_path, **chosen)

    assert settings["LEDGER_COOKBOOK"] == is_on

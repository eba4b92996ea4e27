"""The walk knows every page, and shows where to add a new page."""

import pytest
from django.http import HttpRequest, HttpResponse
from django.urls import path, resolve
from pytest_django import Settings

from tests.attacks import walk
from tests.attacks.bank import AttackedBank

pytestmark = pytest.mark.django_db


def test_every_pattern_is_filled_in_for_everybody(bank: AttackedBank) -> None:
    templates = {pattern.template for pattern in walk.patterns()}

    for holder in bank.holders:
        found = walk.addresses(holder)
        assert {address.pattern.template for address in found} == templates
        for address in found:
            resolve(address.url)  # raises Resolver404


@pytest.mark.parametrize(
    ("route", "file"),
    [
        ("vaults/<int:vault>/", walk.HERE),
        ("admin/events/webhookdelivery/<path:object_id>/change/", "tests/attacks/bank.py"),
    ],
)
def test_an_unknown_argument_fails_with_the_place_to_add_it(
    bank: AttackedBank, settings: Settings, route: str, file: str
) -> None:
    def page(_request: HttpRequest) -> HttpResponse:
        return HttpResponse()

    settings.ROOT_URLCONF = (path(route, page, name="new_page"),)

    with pytest.raises(pytest.fail.Exception, match=file):
        walk.addresses(bank.ana)

"""Views that are imported for the first request."""

import sys
from typing import Any

import pytest
from allauth.mfa import urls
from django.core.checks.urls import check_url_config
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import URLPattern, get_resolver, path, resolve, reverse
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from accounts.security import factor_urls
from ledger.web.lazy_views import LazyView, lazy_views

NAME = "tests.ledger.views_to_load"
urlpatterns = [
    path("page/<int:number>/", LazyView(f"{NAME}.page"), name="page"),
    path("class/", LazyView(f"{NAME}.OfClass"), name="class"),
]


@csrf_exempt
def page(request: HttpRequest, number: int) -> HttpResponse:
    return HttpResponse(f"{request.method} {number}")


class OfClass(View):
    def get(self, _request: HttpRequest) -> HttpResponse:
        return HttpResponse("of a class")


class Module:
    """Stands in place of a module, and notes what is asked of it."""

    page = staticmethod(page)
    OfClass = OfClass


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, NAME, Module)


@override_settings(ROOT_URLCONF=__name__)
def test_addresses_are_collected_and_checked_without_the_module() -> None:
    assert reverse("page", args=[7]) == "/page/7/"
    assert check_url_config(None) == []
    assert NAME not in sys.modules


@pytest.mark.usefixtures("module")
@override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=[])
def test_a_request_gets_the_view_with_its_attributes() -> None:
    assert Client().post("/page/7/").content == b"POST 7"
    assert Client().get("/class/").content == b"of a class"
    assert resolve("/page/7/").func.csrf_exempt  # type: ignore[attr-defined]
    assert not hasattr(resolve("/class/").func, "csrf_exempt")
    view = LazyView(f"{NAME}.OfClass")
    assert (view.__module__, view.__name__, view.__qualname__) == (NAME, "OfClass", "OfClass")
    assert not hasattr(view, "view_class")


def test_every_lazy_view_is_there() -> None:
    found = list(lazy_views(get_resolver()))
    assert len(found) > 40
    for view in found:
        view.load()


def callbacks(patterns: Any, before: str = "") -> dict[tuple[str, str | None], Any]:
    """The views of addresses, by route and name."""
    found: dict[tuple[str, str | None], Any] = {}
    for each in patterns:
        here = before + str(each.pattern)
        if isinstance(each, URLPattern):
            found[here, each.name] = each.callback
        else:
            found |= callbacks(each.url_patterns, here)
    return found


def test_the_second_factors_have_the_addresses_and_views_of_allauth() -> None:
    ours = callbacks(factor_urls.urlpatterns)
    assert {place: view._view for place, view in ours.items()} == callbacks(urls.urlpatterns)

"""Panels of features in the places of a page."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.template import engines
from django.test import RequestFactory

from ledger.web import panels
from ledger.web.template_files import template_files

PLACE = re.compile(r'{% panels "(\w+)"')


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Templates, and no panel yet."""
    monkeypatch.setattr(panels, "PANELS", [])
    django: Any = engines["django"]
    (loader,) = django.engine.template_loaders
    monkeypatch.setattr(loader.loaders[0], "dirs", [tmp_path])
    return tmp_path


def rendered(text: str, **context: Any) -> str:
    template = engines["django"].from_string(f"{{% load panels %}}{text}")
    return template.render(context, RequestFactory().get("/"))


def test_a_place_has_its_panels_in_their_order(folder: Path) -> None:
    (folder / "_branch.html").write_text("<b>{{ branch }} of {{ bank }} at {{ at }}</b>")
    (folder / "_bare.html").write_text("[{{ branch }}]")
    panels.register("map", "_branch.html", order=20)(
        lambda request, context: {"branch": f"<{context['bank']}>", "at": request.path}
    )
    panels.register("map", "_bare.html", order=10)(lambda *_: {})
    panels.register("map", "_bare.html")(lambda *_: None)
    panels.register("list", "_bare.html")(lambda *_: {"branch": "elsewhere"})
    page = '{% panels "map" %}{{ branch }}'
    assert rendered(page, bank="Ana") == "[]\n<b>&lt;Ana&gt; of Ana at /</b>"


def test_an_empty_place_is_false(folder: Path) -> None:
    page = '{% panels "map" as shown %}{% if shown %}<p>{{ shown }}</p>{% else %}none{% endif %}'
    assert rendered(page) == "none"
    (folder / "_here.html").write_text("<b>here</b>")
    panels.register("map", "_here.html")(lambda *_: {})
    assert rendered(page) == "<p><b>here</b></p>"


def test_a_view_runs_the_functions_of_a_place_once(folder: Path) -> None:
    (folder / "_counted.html").write_text("{{ number }}")
    calls = []
    panels.register("map", "_counted.html")(
        lambda *_: calls.append(1) or {"number": len(calls)}  # type: ignore[func-returns-value]
    )
    context: dict[str, Any] = {}
    panels.prepare("map", RequestFactory().get("/"), context)
    assert (rendered('{% panels "map" %}', **context), calls) == ("1", [1])


def test_each_panel_has_a_place() -> None:
    places = {
        place for _name, file in template_files() for place in PLACE.findall(file.read_text())
    }
    assert {panel.place for panel in panels.PANELS} <= places

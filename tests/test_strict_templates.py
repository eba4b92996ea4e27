"""The values that a template may omit, and the missing values that make a test fail."""

from types import SimpleNamespace

import pytest
from django.template import Context, Engine, Origin, Template
from django.template.loaders.locmem import Loader

from ledger.env import BASE_DIR
from tests.strict_templates import INCLUDED, OURS

OF_AN_APP = f"{BASE_DIR}/banking/events/templates/events/"
BASE = Loader(Engine(), {"base.html": "{% block main %}{% endblock %}"})


def rendered(text: str, file: str = f"{OURS}transactions/report.html") -> str:
    engine = Engine()
    engine.template_loaders = [BASE]
    template = Template(text, Origin(file), engine=engine)
    return template.render(Context({"payment": SimpleNamespace(note=None)}))


@pytest.mark.parametrize("text", [
    "{{ paymnt }}", "{{ payment.text }}", "{{ paymnt|upper }}", "{% if paymnt %}{% endif %}",
    "{% for row in rows %}{% endfor %}", "{% with a=payment.text %}{% endwith %}",
    "{{ paymnts|length }}", "{% extends 'base.html' %}{% block main %}{{ paymnt }}{% endblock %}",
])  # fmt: skip
def test_a_name_without_a_value_fails(text: str) -> None:
    for file in (f"{OURS}transactions/report.html", f"{OF_AN_APP}page.html"):
        with pytest.raises(AssertionError):
            rendered(text, file)


@pytest.mark.parametrize("text", [
    "{{ payment.note }}", "{% if payment.text %}{% endif %}", "{{ label|default:'' }}",
    "{% if save_form %}{% endif %}", "{% firstof payment.text payment.note %}",
])  # fmt: skip
def test_what_is_optional_passes(text: str) -> None:
    rendered(text)


def test_parameters_of_an_included_template_and_templates_of_others_pass() -> None:
    rendered("{% if wide %}{% endif %}", f"{INCLUDED}_form.html")
    rendered("{% if wide %}{% endif %}", f"{OF_AN_APP}_panel.html")
    assert rendered("{{ wide }}", "/site-packages/django/page.html") == ""

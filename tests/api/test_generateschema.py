"""`manage.py generateschema` writes the schema that `write_openapi` writes."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import call_command
from django.core.management.base import CommandError

from api.management.commands import generateschema
from api.pages import SCHEMA

COMMITTED: dict[str, Any] = json.loads(SCHEMA.read_text())


def generated(*options: str) -> str:
    out = io.StringIO()
    call_command("generateschema", *options, stdout=out)
    return out.getvalue()


@pytest.mark.whole_code
def test_as_json_it_is_the_committed_file() -> None:
    assert generated("--format", "openapi-json") == SCHEMA.read_text()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The committed schema in place of a generated one, which takes a second."""
    monkeypatch.setattr(generateschema, "schema", lambda: json.loads(SCHEMA.read_text()))


@pytest.mark.usefixtures("quick")
def test_without_options_it_is_the_same_as_yaml() -> None:
    assert yaml.safe_load(generated()) == COMMITTED


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("format", ["openapi", "openapi-json"])
def test_a_file_has_what_would_be_printed(format: str, tmp_path: Path) -> None:
    file = tmp_path / "schema"
    assert generated("--format", format, "--file", str(file)) == ""
    assert file.read_text(encoding="utf-8") == generated("--format", format)


@pytest.mark.usefixtures("quick")
def test_title_description_version_and_address_may_be_other_ones() -> None:
    texts = ["--title", "Our bank", "--description", "Für alle", "--api_version", "1.5"]
    site = ["--url", "https://bank.example/"]
    found = json.loads(generated(*texts, *site, "--format", "openapi-json"))
    assert found.pop("info") == {"title": "Our bank", "description": "Für alle", "version": "1.5"}
    assert found.pop("servers") == [{"url": "https://bank.example"}]
    assert found == {name: part for name, part in COMMITTED.items() if name != "info"}


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--urlconf", "api.urls"], "--urlconf"),
        (["--generator_class", "rest_framework.schemas.openapi.SchemaGenerator"], "--generator"),
        (["--url", "bank.example"], "https://bank.example"),
        (["--url", "https://bank.example/api/v1/"], "https://bank.example"),
        (["--file", "/no/such/folder/schema.yml"], "/no/such/folder/schema.yml"),
    ],
)
def test_what_it_cannot_do_is_refused(options: list[str], named: str) -> None:
    with pytest.raises(CommandError, match=named):
        generated(*options)

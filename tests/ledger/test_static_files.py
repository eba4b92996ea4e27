"""Collecting the static files: only what pages use, again only after a change."""

from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from ledger.server import static_files

UNUSED = ("redoc", ".map")


@pytest.fixture
def root(tmp_path: Path, settings: Any) -> Path:
    storage = {"BACKEND": "ledger.server.static_files.StaticStorage"}
    settings.DEBUG = False
    settings.LEDGER_DATA_DIR, settings.STATIC_ROOT = tmp_path, tmp_path / "static"
    settings.STORAGES = {**settings.STORAGES, "staticfiles": storage}
    return settings.STATIC_ROOT  # type: ignore[no-any-return]


def test_what_pages_do_not_use_is_left_out_and_nothing_refers_to_it(root: Path) -> None:
    call_command("collectstatic", verbosity=0, interactive=False)

    files = [file for file in root.rglob("*") if file.is_file()]
    assert [file for file in files if any(part in str(file) for part in UNUSED)] == []
    (sheet,) = root.glob("drf_spectacular_sidecar/swagger-ui-dist/swagger-ui.*.css")
    assert "sourceMappingURL" not in sheet.read_text()
    assert "sourceMappingURL" in sheet.with_name("swagger-ui.css").read_text()
    assert (root / "staticfiles.json").exists()


def test_files_are_collected_again_only_after_a_change(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not static_files.are_collected()
    call_command("collectstatic", verbosity=0, interactive=False, dry_run=True)
    assert not static_files.are_collected()
    call_command("collectstatic", verbosity=0, interactive=False)
    assert static_files.are_collected()
    monkeypatch.setattr(static_files, "fingerprint", lambda: "of other files")
    assert not static_files.are_collected()


@pytest.mark.django_db
def test_readyz_reports_files_that_were_not_collected(root: Path, client: Client) -> None:
    root.mkdir()  # otherwise WhiteNoise warns
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "static files" in answer.json()["problem"]
    call_command("collectstatic", verbosity=0, interactive=False)
    assert client.get("/readyz").status_code == 200


def test_nothing_is_collected_with_debug(root: Path, settings: Any) -> None:
    settings.DEBUG = True
    assert static_files.are_collected()

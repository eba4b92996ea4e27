"""docs/table-rights.md has the rights, policies and personal data that apps register."""

from pathlib import Path

import pytest
from django.core.management import call_command

from transactions.management.commands import write_table_rights


@pytest.mark.whole_code
def test_the_page_is_what_apps_register() -> None:
    written = write_table_rights.FILE.read_text()
    assert written == write_table_rights.page(), "run manage.py write_table_rights"


def test_the_command_writes_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write_table_rights, "FILE", tmp_path / "table-rights.md")
    call_command("write_table_rights", verbosity=0)
    assert (tmp_path / "table-rights.md").read_text() == write_table_rights.page()

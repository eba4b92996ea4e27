"""The tests that SECURITY.md and docs/asvs.md name exist. Each threat names a test."""

import re

import pytest
import yaml

from ledger.env import BASE_DIR

THREATS = "SECURITY.md"


def text_of(document: str) -> str:
    return (BASE_DIR / document).read_text(encoding="utf-8")


@pytest.mark.parametrize("document", [THREATS, "docs/asvs.md"])
def test_every_named_test_exists(document: str) -> None:
    named = set(re.findall(r"`(tests/[\w/]+\.py)`", text_of(document)))
    assert len(named) > 30
    assert [name for name in sorted(named) if not (BASE_DIR / name).is_file()] == []


def test_every_row_of_the_threat_model_is_shown_by_a_test() -> None:
    rows = [line for line in text_of(THREATS).splitlines() if line.startswith("| ")]
    assert [row for row in rows[1:] if "`tests/" not in row] == []


def own_log() -> dict[str, str]:
    """Returns the settings for Postgres's log from docs/security.md."""
    section = text_of("docs/security.md").partition("## Postgres's own log")[2]
    found = dict(re.findall(r"^(log_\w+) = (\w+)", section, re.MULTILINE))
    assert len(found) == 4
    return found


@pytest.mark.parametrize("file", ["deploy/server/postgres-log.conf", "ledger/embedded/server.py"])
def test_a_configuration_of_ours_keeps_data_of_people_out_of_the_servers_log(file: str) -> None:
    settings = dict(re.findall(r"^(log_\w+) = (\w+)", text_of(file), re.MULTILINE))
    assert own_log().items() <= settings.items()


@pytest.mark.parametrize("service", ["db", "replica"])
def test_compose_keeps_data_of_people_out_of_the_servers_log(service: str) -> None:
    command = yaml.safe_load(text_of("compose.yaml"))["services"][service]["command"]
    given = dict(each.split("=") for each in command if each != "-c")
    assert own_log().items() <= given.items()

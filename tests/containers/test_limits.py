"""Limits and rights of each service of the Compose files, and the table of docs/containers.md."""

import re
from typing import Any

import pytest
from django.urls import reverse

from ledger.server import gunicorn_settings as gunicorn
from ledger.web.uploads import max_body_bytes
from tests.console import read
from tests.containers.compose import compose, filled
from tests.uploads import UPLOADS

BANK = compose()["services"]
SERVICES: dict[str, dict[str, Any]] = {
    name: {**BANK.get(name, {}), **service}
    for name, service in (*BANK.items(), *compose("compose.dev.yaml")["services"].items())
}
UNITS = {"m": 1, "g": 1024}
MEGABYTES_OF_A_CONNECTION = 10  # as RDS reckons (deploy/aws/ledger_aws/alarms.py)
SHARED_BUFFERS = 128  # Postgres's default
# What the image of Postgres needs to start as root and go on as another user.
CAPABILITIES = {"db": ["CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"]}
# A row of the page: services, memory and processes, each with its variable, and processors.
ROW = re.compile(
    r"^\| (`.+?) \| (\w+)(?:, `(\w+)`)? \| (\d+)(?:, `(\w+)`)? \| ?(\d*) ?\|$", re.MULTILINE
)


def megabytes(size: str) -> int:
    return int(size[:-1]) * UNITS[size[-1]]


def memory_of(name: str) -> int:
    return megabytes(filled(SERVICES[name]["mem_limit"], {}))


def processes_of(name: str) -> int:
    return int(filled(SERVICES[name]["pids_limit"], {}))


def limit(value: object) -> tuple[str, str]:
    """The limit, and the variable that changes it."""
    found = re.fullmatch(r"\$\{(\w+):-\w+\}", str(value))
    return str(filled(value, {})), found[1] if found else ""


@pytest.mark.parametrize("name", SERVICES)
def test_no_service_may_take_the_whole_computer_or_gain_a_right(name: str) -> None:
    service = SERVICES[name]
    assert memory_of(name) > 0
    assert processes_of(name) > 0
    assert service.get("cpus", 1) <= 1, "Compose refuses more than the computer has"
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service.get("cap_add", []) == CAPABILITIES.get(name, [])


@pytest.mark.parametrize("name", ["db", "replica"])
def test_postgres_has_room_for_all_its_connections(name: str) -> None:
    command = " ".join(SERVICES[name]["command"])
    (connections,) = map(int, re.findall(r"max_connections=(\d+)", command))
    own = SHARED_BUFFERS + megabytes(SERVICES[name]["shm_size"])
    assert memory_of(name) >= own + connections * MEGABYTES_OF_A_CONNECTION
    assert processes_of(name) >= connections + 50


def test_web_processes_have_room_for_an_upload_in_each_thread() -> None:
    threads = gunicorn.workers * gunicorn.threads
    uploads = threads * max(max_body_bytes(reverse(name)) for name in UPLOADS) / 2**20
    assert memory_of("web") >= 2 * uploads
    assert processes_of("web") >= 4 * threads


def test_nginx_has_room_for_all_that_it_keeps() -> None:
    sizes = [megabytes(each.partition("size=")[2]) for each in SERVICES["nginx"]["tmpfs"]]
    assert memory_of("nginx") >= sum(sizes) + 128


def test_the_page_has_the_limits_of_each_service() -> None:
    table = read("docs/containers.md").partition("**Limits.**")[2].partition("**A replica**")[0]
    told = {
        name: ((memory, variable), (processes, other), cpus)
        for names, memory, variable, processes, other, cpus in ROW.findall(table)
        for name in re.findall(r"`(\w+)`", names)
    }
    assert told == {
        name: (limit(each["mem_limit"]), limit(each["pids_limit"]), str(each.get("cpus", "")))
        for name, each in SERVICES.items()
    }

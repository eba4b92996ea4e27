"""Folders that a Postgres of root can enter, servers in them, settings and the log."""

import io
import logging
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ledger import env
from ledger.embedded.removal import delete_everything
from ledger.embedded.server import EmbeddedServer
from ledger.web.log_filters import RefusalsInOneLine
from tests.ledger.processes import reachable_folder, settings_with
from tests.ledger.servers import Start


@pytest.fixture
def folder() -> Iterator[Path]:
    with reachable_folder() as found:
        yield found


@pytest.fixture
def no_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """No name is found but that of this machine, as without DNS."""

    def without_dns(lookup: Callable[..., Any]) -> Callable[..., Any]:
        def look_up(host: object, *args: Any, **kwargs: Any) -> Any:
            if host == "localhost":  # through pgbouncer, the suite itself connects to it
                return lookup(host, *args, **kwargs)
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        return look_up

    for name in ("getaddrinfo", "gethostbyname"):
        monkeypatch.setattr(socket, name, without_dns(getattr(socket, name)))


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts servers of the Postgres under test; each is deleted at the end."""
    started: list[Path] = []

    def start_in(data_dir: Path) -> EmbeddedServer:
        started.append(data_dir)
        server = EmbeddedServer(data_dir)
        server.ensure_started()
        return server

    yield start_in
    for data_dir in started:
        delete_everything(data_dir)


@pytest.fixture
def refusal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    """What is printed when the settings are read with these values; fails if they are taken."""

    def refusal(**values: str) -> str:
        with pytest.raises(SystemExit) as stopped:
            settings_with(monkeypatch, tmp_path, **values)
        assert stopped.value.code == env.GUNICORN_BOOT_ERROR
        printed = capsys.readouterr()
        assert (printed.out, printed.err.count("\n")) == ("", 1)
        return printed.err

    return refusal


@pytest.fixture
def settings_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """All settings with these values in the environment, as names of `ledger.settings`."""

    def settings_of(**values: str) -> dict[str, Any]:
        return settings_with(monkeypatch, tmp_path, **values)

    return settings_of


@pytest.fixture
def default(settings_of: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """DATABASES["default"] with these settings."""

    def default(**values: str) -> dict[str, Any]:
        found: dict[str, Any] = settings_of(**values)["DATABASES"]["default"]
        return found

    return default


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What the console is told, by the handler of the settings."""
    (handler,) = (
        each
        for each in logging.getLogger().handlers
        if isinstance(each, logging.StreamHandler)
        and any(isinstance(one, RefusalsInOneLine) for one in each.filters)
    )
    before = handler.setStream(told := io.StringIO())
    yield told
    handler.setStream(before)

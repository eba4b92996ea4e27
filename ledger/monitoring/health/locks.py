"""The first part of the page "Database": sessions that wait for locks, and open transactions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ledger.monitoring.health import queries
from ledger.monitoring.health.queries import LockWait, OpenSession, PreparedTransaction
from ledger.monitoring.health.reading import HealthAnswer, HealthReader
from ledger.text.lines import counted
from ledger.text.measures import span

# From this age, an open transaction is a problem; the alarm LedgerOldTransaction has the same
# limit.
OLD_SECONDS = 900.0
SILENT = "disabled"  # the state of a session for which track_activities is off
PREPARED_PID = 0  # pg_blocking_pids returns this id for a prepared transaction
# Lock types of a session that waits for the end of another transaction, because both transactions
# change the same row.
ROW_LOCKS = ("transactionid", "tuple")
NO_SESSION = OpenSession(
    0, None, "", "", None, False, None, None, None, None, None, None, None
)  # fmt: skip


@dataclass(frozen=True)
class WaitShown:
    """A waiting session with the lock that it needs and the sessions that block it."""

    pid: int
    who: str
    wants: str
    waited: str
    blockers: list[str]


@dataclass(frozen=True)
class SessionShown:
    """A session that has an open transaction or blocks other sessions. `blocks` is the number of
    sessions that wait for this session, directly or indirectly.
    """

    pid: int
    who: str
    state: str
    open_for: str
    idle_for: str
    blocks: int
    is_old: bool
    query_id: int | None


@dataclass(frozen=True)
class LocksPart:
    """The part of the page about locks. `sentence` summarizes the waiting sessions. `care` contains
    messages about the most important problems.
    """

    waits: HealthAnswer[LockWait]
    sessions: HealthAnswer[OpenSession]
    prepared: HealthAnswer[PreparedTransaction]
    sentence: str
    waiting: list[WaitShown]
    open: list[SessionShown]
    hidden: int
    silent: int
    care: list[str] = field(default_factory=list)

    @property
    def answers(self) -> tuple[HealthAnswer[Any], ...]:
        return self.waits, self.sessions, self.prepared

    @property
    def to_end(self) -> int | None:
        """The process id of the session that blocks the most sessions, or None."""
        blocking = [each for each in self.open if each.blocks]
        return max(blocking, key=lambda each: each.blocks).pid if blocking else None


def locks_part(reader: HealthReader) -> LocksPart:
    """Reads the waiting sessions, all sessions and the prepared transactions for this part of the
    page. Sends three queries.
    """
    waits = reader.ask(queries.WAITS, LockWait)
    sessions = reader.ask(queries.SESSIONS, OpenSession)
    prepared = reader.ask(queries.PREPARED, PreparedTransaction)
    by_pid = {each.pid: each for each in sessions.rows}
    behind = _waiting_behind(waits.rows)
    shown = _open_sessions(sessions.rows, behind)
    return LocksPart(
        waits, sessions, prepared,
        sentence=_sentence(waits.rows, behind, by_pid),
        waiting=[_wait_shown(each, by_pid) for each in waits.rows],
        open=shown,
        hidden=sum(each.is_hidden for each in sessions.rows),
        silent=sum(each.state == SILENT for each in sessions.rows),
        care=list(_care(waits.rows, behind, shown, prepared.rows, by_pid)),
    )  # fmt: skip


def _waiting_behind(waits: Sequence[LockWait]) -> dict[int, set[int]]:
    """Returns a dict from blocking sessions to waiting sessions, as process ids. A key is a session
    that blocks others but does not wait. The value is the set of sessions that wait for this
    session, directly or indirectly.

    Sessions of a deadlock are not included, because Postgres ends one of these sessions.
    """
    waits_for = {each.pid: set(each.blockers) for each in waits}
    found: dict[int, set[int]] = {}
    for pid in waits_for:
        seen, to_look_at = {pid}, [pid]
        while to_look_at:
            for blocker in waits_for.get(to_look_at.pop(), ()):
                if blocker not in waits_for:
                    found.setdefault(blocker, set()).add(pid)
                elif blocker not in seen:
                    seen.add(blocker)
                    to_look_at.append(blocker)
    return found


def _who(session: OpenSession) -> str:
    """Returns the role and the program of a session as text, or "not known"."""
    names = [session.role or "", session.application or "", session.kind or ""]
    if names[2] == "client backend":
        names[2] = ""
    return ", ".join(filter(None, names)) or "not known"


def _state(session: OpenSession) -> str:
    """Returns the state of a session as a short text."""
    if session.is_hidden:
        return "hidden"
    if session.state == SILENT:
        return "does not report"
    if session.state == "active" and session.wait and session.wait.startswith("Lock"):
        return "waits for a lock"
    return session.state or session.kind or "not known"


def _named(pid: int, by_pid: Mapping[int, OpenSession]) -> str:
    """Returns a text for a session: "session 4711 (ledger, psql, idle in transaction for 3
    min)".
    """
    if pid == PREPARED_PID:
        return "a prepared transaction"
    session = by_pid.get(pid)
    if session is None:
        return f"session {pid}"
    state = _state(session)
    if session.idle_seconds is not None and state.startswith("idle"):
        state += f" for {span(session.idle_seconds)}"
    return f"session {pid} ({_who(session)}, {state})"


def _wait_shown(wait: LockWait, by_pid: Mapping[int, OpenSession]) -> WaitShown:
    return WaitShown(
        wait.pid,
        _who(by_pid.get(wait.pid, NO_SESSION)),
        _wanted(wait),
        "" if wait.waited_seconds is None else span(wait.waited_seconds),
        [_named(pid, by_pid) for pid in dict.fromkeys(wait.blockers)],
    )


def _wanted(wait: LockWait) -> str:
    """Returns a text for the lock that a session waits for: a row, a table with the lock mode, or
    another lock.
    """
    if wait.kind in ROW_LOCKS:
        return f"a row of {wait.relation}" if wait.relation else "a row of a table"
    if wait.relation:
        return f"{wait.relation}, {wait.mode}"
    return f"{wait.kind} lock, {wait.mode}"


def _open_sessions(
    sessions: Sequence[OpenSession], behind: Mapping[int, set[int]]
) -> list[SessionShown]:
    """Returns at most MAX_ROWS sessions: first the sessions that block others, and then the
    sessions with the oldest transactions.
    """
    known = {each.pid for each in sessions}
    found = [each for each in sessions if each.open_seconds is not None or each.pid in behind]
    found += [
        NO_SESSION._replace(pid=pid) for pid in behind if pid not in known and pid != PREPARED_PID
    ]
    found.sort(key=lambda each: (-len(behind.get(each.pid, ())), -(each.open_seconds or 0)))
    return [
        _session_shown(each, len(behind.get(each.pid, ()))) for each in found[: queries.MAX_ROWS]
    ]


def _session_shown(session: OpenSession, blocks: int) -> SessionShown:
    is_idle = (session.state or "").startswith("idle in transaction")
    return SessionShown(
        session.pid,
        _who(session),
        _state(session),
        "" if session.open_seconds is None else span(session.open_seconds),
        span(session.idle_seconds) if is_idle and session.idle_seconds is not None else "",
        blocks,
        (session.open_seconds or 0) >= OLD_SECONDS,
        session.query_id or None,
    )


def _sentence(
    waits: Sequence[LockWait], behind: Mapping[int, set[int]], by_pid: Mapping[int, OpenSession]
) -> str:
    if not waits:
        return "No session waits for a lock."
    many = f"{counted(len(waits), 'session')} {'waits' if len(waits) == 1 else 'wait'} for a lock"
    first = sorted(behind, key=lambda pid: -len(behind[pid]))
    if not first:
        return f"{many}."
    others = f" and {counted(len(first) - 1, 'other')}" if len(first) > 1 else ""
    return f"{many}, behind {_named(first[0], by_pid)}{others}."


def _care(
    waits: Sequence[LockWait],
    behind: Mapping[int, set[int]],
    shown: Sequence[SessionShown],
    prepared: Sequence[PreparedTransaction],
    by_pid: Mapping[int, OpenSession],
) -> list[str]:
    """Returns messages about problems that staff should solve now."""
    found = [_sentence(waits, behind, by_pid)] if waits else []
    found += [
        f"Session {each.pid} ({each.who}) has had a transaction open for {each.open_for}."
        for each in shown
        if each.is_old
    ]
    found += [
        f"The prepared transaction {each.name} has been open for {span(each.open_seconds)}."
        for each in prepared
        if each.open_seconds >= OLD_SECONDS
    ]
    return found

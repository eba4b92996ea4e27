"""Where sessions are stored, and when they end (the setting SESSION_ENGINE).

A session ends after LEDGER_SESSION_IDLE minutes without a request and LEDGER_SESSION_ABSOLUTE hours
after its person signed in; staff have shorter times. The server decides, not the cookie.
"""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.contrib.sessions.exceptions import SessionInterrupted
from django.db import Error
from django.db.models import BigIntegerField, Func
from django.db.models.functions import Greatest
from django.utils import timezone

from accounts.models import WebSession
from ledger.db import replicas
from ledger.db.commits.confirmation import waiting_for_no_standby
from ledger.db.replicas import POSITION
from ledger.db.retry import Failure, failure_of
from ledger.web import security_log

SIGNED_IN_AT = "signed_in_at"  # seconds since the epoch
IS_STAFF = "is_staff"
IDLE, ABSOLUTE = "idle", "absolute"
ENDED = "ended"
REASON_STAYS = timedelta(days=1)
# What comes before signing in takes 15 minutes at most: allauth ends half a sign-in then.
ANONYMOUS = timedelta(hours=1)
SEEN_EVERY = timedelta(minutes=1)  # how exact `last_seen_at` is: one UPDATE a minute at most


def digest_of(session_key: str) -> str:
    """What the table stores of a session's key."""
    return hashlib.sha256(session_key.encode()).hexdigest()


def times_for(*, is_staff: bool) -> tuple[timedelta, timedelta]:
    """How long a session may idle, and how long it lives."""
    if is_staff:
        return settings.LEDGER_STAFF_SESSION_IDLE, settings.LEDGER_STAFF_SESSION_ABSOLUTE
    return settings.LEDGER_SESSION_IDLE, settings.LEDGER_SESSION_ABSOLUTE


def end_of(row: WebSession, data: dict[str, Any], now: datetime) -> str:
    """Why this session has ended: IDLE or ABSOLUTE; empty if it has not."""
    idle, absolute = times_for(is_staff=bool(data.get(IS_STAFF)))
    if now - row.started_at >= absolute:
        return ABSOLUTE
    return IDLE if now - row.last_seen_at >= idle else ""


def leave_reason(sessions: list[str], why: str) -> None:
    """Keeps for a day why these sessions, which are deleted, have ended: for who has their cookies.

    Under keys of their own: a request that is under way may still save a session, and must not find
    a row there. The rows name nobody.
    """
    ends, data = timezone.now() + REASON_STAYS, SessionStore().encode({ENDED: why})
    WebSession.objects.bulk_create(
        [
            WebSession(session_key=_reason_key(session), session_data=data, expire_date=ends)
            for session in sessions
        ],
        ignore_conflicts=True,
    )


def reason_left_for(session_key: str) -> str:
    """Why the session with this key was ended from elsewhere; "" if it was not. Says it once."""
    rows = WebSession.objects.filter(pk=_reason_key(digest_of(session_key)))
    row = rows.filter(expire_date__gt=timezone.now()).first()
    if row is None:
        return ""
    _forget(row)
    return str(SessionStore().decode(row.session_data).get(ENDED, ""))


def _forget(row: WebSession) -> None:
    """Deletes the row of a session that has ended. Waits for no standby: a row that a failover
    brings back has ended as well.
    """
    with waiting_for_no_standby():
        row.delete()


def _reason_key(session: str) -> str:
    return digest_of(f"{ENDED} {session}")


class WalPosition(Func):
    """Up to where the writer has written its WAL, in bytes."""

    template = POSITION
    output_field = BigIntegerField()


class SessionStore(DatabaseStore):
    """A session in the table `sessions`. `ended` says why the one of this cookie has ended."""

    ended = ""
    was_staff = False
    row: WebSession | None = None

    @classmethod
    def get_model_class(cls) -> type[WebSession]:
        return WebSession

    def load(self) -> dict[str, Any]:
        """The data of the session; empty if there is none, or if it has ended."""
        rows = WebSession.objects.filter(
            session_key=digest_of(self.session_key or ""), expire_date__gt=timezone.now()
        )
        row = (replicas.with_writer(rows) if replicas.aliases() else rows).first()
        if row is None:
            self.ended = reason_left_for(self.session_key or "")
            self._session_key = None
            return {}
        data: dict[str, Any] = self.decode(row.session_data)
        if row.user_id and (why := end_of(row, data, timezone.now())):
            self.ended, self.was_staff = why, bool(data.get(IS_STAFF))
            security_log.record("session.ended", person=row.user_id, reason=why)
            _forget(row)
            self._session_key = None
            return {}
        self.row = row
        return data

    def save(self, must_create: bool = False) -> None:
        """As Django's, which takes any failure of the database for a session that was deleted
        meanwhile: then a page would be a 400 that nobody tries again.
        """
        try:
            super().save(must_create)
        except UpdateError as error:
            cause = error.__context__
            if isinstance(cause, Error) and failure_of(cause) is not Failure.FINAL:
                raise cause from cause.__cause__
            raise

    def cycle_key(self) -> None:
        """Gives the session another key. Raises SessionInterrupted if it was ended in the meantime.

        Django inserts a second row, then deletes the first: what ends all sessions would not find
        the new one. An UPDATE of the row waits for that, or is waited for.
        """
        self._get_session()  # type: ignore[attr-defined]  # while the former key still opens it
        if self.session_key is None:
            self.create()
            return
        key = self._get_new_session_key()  # type: ignore[attr-defined]
        row = WebSession.objects.filter(pk=digest_of(self.session_key))
        if not row.update(session_key=digest_of(key)):
            raise SessionInterrupted("The session was ended before the request completed.")
        if self.row is not None:
            self.row.session_key = digest_of(key)
        self._session_key = key
        self.modified = True

    def exists(self, session_key: str) -> bool:
        return WebSession.objects.filter(session_key=digest_of(session_key)).exists()

    def delete(self, session_key: str | None = None) -> None:
        if key := session_key or self.session_key:
            WebSession.objects.filter(session_key=digest_of(key)).delete()

    def create_model_instance(self, data: dict[str, Any]) -> WebSession:
        """Returns the row to write, with the user and the sign-in time."""
        now = timezone.now()
        since = data.get(SIGNED_IN_AT)
        key = self._get_or_create_session_key()  # type: ignore[attr-defined]
        return WebSession(
            session_key=digest_of(key),
            session_data=self.encode(data),
            expire_date=self.get_expiry_date() if SESSION_KEY in data else now + ANONYMOUS,
            user_id=data.get(SESSION_KEY),
            started_at=datetime.fromtimestamp(since, UTC) if since else now,
            last_seen_at=now,
            wal_position=self.wal_position,
        )

    @property
    def wal_position(self) -> int | None:
        """The byte of WAL up to which the session has written: a replica that it reads from must
        have replayed it. None if it wrote nothing, or is not loaded. No query.
        """
        return self.row.wal_position if self.row else None

    @property
    def needed(self) -> replicas.Needed:
        """What a replica must have replayed to serve this session. No query."""
        return replicas.Needed(replicas.seen_with(self.row).started, self.wal_position)

    def note_writer(self) -> None:
        """Marks the server that writes if this session met another one than is marked there."""
        if replicas.seen_with(self.row).needs_mark:
            replicas.write_mark()

    def note_position(self) -> None:
        """Notes that the session has written until now. For requests that wrote, where there are
        replicas. Waits for no standby, as the request itself did: a failover may lose this, because
        no replica serves anybody before it has replayed all that the new writer had by then.
        """
        if self.session_key:
            row = WebSession.objects.filter(pk=digest_of(self.session_key))
            with waiting_for_no_standby():
                row.update(wal_position=Greatest("wal_position", WalPosition()))

    def seen(self) -> None:
        """Notes that a request has used the session, once a minute. So a page that only reads does
        not wait for a standby: what a failover loses of this ends an idle session earlier.
        """
        now = timezone.now()
        if self.row and self.row.user_id and now - self.row.last_seen_at >= SEEN_EVERY:
            with waiting_for_no_standby():
                WebSession.objects.filter(pk=self.row.pk).update(last_seen_at=now)

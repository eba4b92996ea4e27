"""Stores sessions and decides when they end (the setting SESSION_ENGINE).

A session ends after LEDGER_SESSION_IDLE minutes without a request, and LEDGER_SESSION_ABSOLUTE
hours after its user signed in. Both times are shorter for staff. The server checks the times, so
the lifetime of the cookie does not matter.
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
# Sessions before a sign-in need at most 15 minutes, because allauth then ends a pending sign-in.
ANONYMOUS = timedelta(hours=1)
SEEN_EVERY = timedelta(minutes=1)  # the precision of `last_seen_at`: at most one UPDATE per minute


def digest_of(session_key: str) -> str:
    """Returns the digest of a session key, which is stored in the table instead of the key."""
    return hashlib.sha256(session_key.encode()).hexdigest()


def times_for(*, is_staff: bool) -> tuple[timedelta, timedelta]:
    """Returns the maximum idle time of a session, and its maximum age."""
    if is_staff:
        return settings.LEDGER_STAFF_SESSION_IDLE, settings.LEDGER_STAFF_SESSION_ABSOLUTE
    return settings.LEDGER_SESSION_IDLE, settings.LEDGER_SESSION_ABSOLUTE


def end_of(row: WebSession, data: dict[str, Any], now: datetime) -> str:
    """Returns the reason why this session has ended, IDLE or ABSOLUTE, or "" if it has not
    ended.
    """
    idle, absolute = times_for(is_staff=bool(data.get(IS_STAFF)))
    if now - row.started_at >= absolute:
        return ABSOLUTE
    return IDLE if now - row.last_seen_at >= idle else ""


def leave_reason(sessions: list[str], why: str) -> None:
    """Stores for a day why these sessions have ended, so that the next page in their browsers can
    show the reason. `sessions` contains the digests of the session keys, whose rows are already
    deleted.

    A running request may try to save a deleted session. The reasons are therefore stored in new
    rows, with other keys and without a user, so that the request does not find them.
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
    """Returns the stored reason why the session with this key was ended elsewhere, and deletes the
    reason. Returns "" if there is none.
    """
    rows = WebSession.objects.filter(pk=_reason_key(digest_of(session_key)))
    row = rows.filter(expire_date__gt=timezone.now()).first()
    if row is None:
        return ""
    _forget(row)
    return str(SessionStore().decode(row.session_data).get(ENDED, ""))


def _forget(row: WebSession) -> None:
    """Deletes the row of an ended session. Does not wait for a standby: if a failover restores the
    row, the session is still ended.
    """
    with waiting_for_no_standby():
        row.delete()


def _reason_key(session: str) -> str:
    return digest_of(f"{ENDED} {session}")


class WalPosition(Func):
    """The SQL expression for the current WAL position of the primary, in bytes."""

    template = POSITION
    output_field = BigIntegerField()


class SessionStore(DatabaseStore):
    """A session in the table `sessions`. `ended` is the reason why the session of this cookie has
    ended, or "".
    """

    ended = ""
    was_staff = False
    row: WebSession | None = None

    @classmethod
    def get_model_class(cls) -> type[WebSession]:
        return WebSession

    def load(self) -> dict[str, Any]:
        """Returns the data of the session, or an empty dict if the session does not exist or has
        ended.
        """
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
        """Saves the session as Django does, but raises temporary database errors unchanged. Django
        treats such an error like a deleted session and responds with 400, and clients do not repeat
        a request after a 400.
        """
        try:
            super().save(must_create)
        except UpdateError as error:
            cause = error.__context__
            if isinstance(cause, Error) and failure_of(cause) is not Failure.FINAL:
                raise cause from cause.__cause__
            raise

    def cycle_key(self) -> None:
        """Changes the session's key in its row.

        Django inserts a second row and then deletes the first row, so code that ends all sessions
        could miss the new row. An update and a deletion of the same row wait for each other.

        Raises: SessionInterrupted if the session was ended in the meantime.
        """
        self._get_session()  # type: ignore[attr-defined]  # loads the data with the old key
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
        """Returns the row to write, with the user and the time of sign-in."""
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
        """The WAL position (in bytes) up to which the session has written, or None if the session
        wrote nothing or is not loaded. A replica must have replayed this position before it serves
        the session. Makes no query.
        """
        return self.row.wal_position if self.row else None

    @property
    def needed(self) -> replicas.Needed:
        """The state that a replica must have replayed before it serves this session: the marker of
        the current primary, and the WAL position of the session. Makes no query.
        """
        return replicas.Needed(replicas.seen_with(self.row).started, self.wal_position)

    def note_writer(self) -> None:
        """Writes the start time of the current primary into the table `writer_mark`, if the table
        contains another start time: see Note [Writer's mark].
        """
        if replicas.seen_with(self.row).needs_mark:
            replicas.write_mark()

    def note_position(self) -> None:
        """Stores the current WAL position in the session, after a request that wrote. Does not wait
        for a standby. If a failover loses the position, replicas must first replay everything that
        the new primary had written at the failover.
        """
        if self.session_key:
            row = WebSession.objects.filter(pk=digest_of(self.session_key))
            with waiting_for_no_standby():
                row.update(wal_position=Greatest("wal_position", WalPosition()))

    def seen(self) -> None:
        """Records that a request has used the session, at most once per minute. Does not wait for a
        standby, so that read-only pages stay fast. If a failover loses the time, an idle session
        ends earlier.
        """
        now = timezone.now()
        if self.row and self.row.user_id and now - self.row.last_seen_at >= SEEN_EVERY:
            with waiting_for_no_standby():
                WebSession.objects.filter(pk=self.row.pk).update(last_seen_at=now)

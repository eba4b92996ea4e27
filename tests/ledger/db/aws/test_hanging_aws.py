"""One thread asks AWS, which may hang: the others use what they have, or wait for a while."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.exceptions import EndpointConnectionError

from ledger.db.server import credentials
from ledger.db.server.credentials import IamTokens, Login, NoLogin, Place
from tests.ledger.db.aws.guarded import PLACE, REGION, HandClock


class WatchedLock:
    """A lock that says when somebody waits for it."""

    def __init__(self) -> None:
        self.lock, self.is_waited_for = threading.Lock(), threading.Event()

    def acquire(self, timeout: float) -> bool:
        if self.lock.acquire(timeout=0):
            return True
        if timeout:
            self.is_waited_for.set()
        return self.lock.acquire(timeout=timeout)

    def release(self) -> None:
        self.lock.release()


class HangingTokens(IamTokens):
    """AWS hangs from the second question on, until `goes_on`."""

    def __init__(self) -> None:
        self.clock = HandClock()
        super().__init__(REGION, keep=600, clock=self.clock)
        self._asking: Any = WatchedLock()
        self.is_asked, self.goes_on = threading.Event(), threading.Event()
        self.asked, self.is_away = 0, False

    def _ask(self, place: Place) -> Login:
        self.asked += 1
        if self.asked > 1:
            self.is_asked.set()
            assert self.goes_on.wait(60)
        if self.is_away:
            raise NoLogin("AWS is away")
        return Login(place.user, f"token-{self.asked}")

    @contextmanager
    def asked_by_another(self, refused: Login | None = None) -> Iterator["Future[Login]"]:
        """Another thread asks and hangs until the end of the block, or until `goes_on`."""
        with ThreadPoolExecutor() as threads:
            answer = threads.submit(self.login, PLACE, refused=refused)
            assert self.is_asked.wait(60)
            try:
                yield answer
            finally:
                self.goes_on.set()

    def waiting(self, refused: Login, threads: ThreadPoolExecutor) -> "Future[Login]":
        """A further thread, which waits for the one that asks."""
        answer = threads.submit(self.login, PLACE, refused=refused)
        assert self._asking.is_waited_for.wait(60)
        return answer


def test_while_one_thread_asks_the_others_use_the_login_that_they_have() -> None:
    tokens = HangingTokens()
    first = tokens.login(PLACE)
    tokens.clock.now = 601

    with tokens.asked_by_another() as answer:
        assert tokens.login(PLACE) == first
        assert not tokens._asking.is_waited_for.is_set()
    assert answer.result().password == "token-2"
    assert tokens.login(PLACE) == answer.result()
    assert tokens.asked == 2


def test_while_one_thread_asks_nobody_uses_what_was_refused_or_is_too_old(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(credentials, "WAIT", 0)
    tokens = HangingTokens()
    first = tokens.login(PLACE)

    with tokens.asked_by_another(refused=first):
        assert tokens.login(PLACE) == first, "this thread was not refused"
        with pytest.raises(NoLogin, match="gave no login within"):
            tokens.login(PLACE, refused=first)
        tokens.clock.now = 900
        with pytest.raises(NoLogin, match="gave no login within"):
            tokens.login(PLACE)
    assert tokens.asked == 2


@pytest.mark.parametrize("is_away", [False, True])
def test_a_thread_that_waits_for_another_gets_what_that_one_got(is_away: bool) -> None:
    tokens = HangingTokens()
    first = tokens.login(PLACE)
    tokens.is_away = is_away

    with ThreadPoolExecutor() as threads, tokens.asked_by_another(refused=first) as answer:
        waiting = tokens.waiting(first, threads)
        tokens.goes_on.set()
        if is_away:
            for each in (answer, waiting):
                with pytest.raises(NoLogin, match="AWS is away"):
                    each.result()
        else:
            assert waiting.result() == answer.result() != first
    assert tokens.asked == 2


def test_sts_has_no_more_time_than_other_calls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It gives a container its credentials, before the first call and every hour."""
    (tmp_path / "token").write_text("of the cluster")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/bank")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    asked: list[tuple[str, int]] = []

    def call(client: Any, *_: Any) -> None:
        asked.append((client.meta.service_model.service_name, client.meta.config.read_timeout))
        raise EndpointConnectionError(endpoint_url="sts")

    monkeypatch.setattr(BaseClient, "_make_api_call", call)
    with pytest.raises(NoLogin):
        IamTokens(REGION).login(PLACE)
    assert asked == [("sts", credentials.CLIENT_OPTIONS["read_timeout"])]

"""The primary of a pair dies while money moves: what was acknowledged is there once, and the
standby goes on. The run prints at its end how long nobody could pay.
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import psycopg
import pytest

from ledger.db.server.embedded import EmbeddedServerError
from ledger.embedded import roles
from ledger.embedded.pair import Node, Pair
from ledger.embedded.placement import Placement
from tests.ledger.own_bank import OwnBank, assert_nothing_lost_and_nothing_invented, load
from tests.ledger.own_pair import own_pair
from tests.ledger.own_site import assert_every_receipt_is_in_the_books, longest_gap, people
from tests.ledger.processes import (
    MANAGE,
    assert_one_sentence,
    environment,
    manage,
    reachable_folder,
    wait_until,
)

ENOUGH = 12
MARK = "this_copy"  # a file in a standby's data, which its primary does not have
NOT_NOW = "it does not work now"


def fail(*_arguments: object) -> NoReturn:
    raise EmbeddedServerError(NOT_NOW)


def copies_of(node: Node) -> list[Path]:
    return sorted(node.data.parent.glob(f"{node.data.name}*/"))


@pytest.fixture
def pair() -> Iterator[Pair]:
    with own_pair(bank=True) as found:
        yield found


@pytest.fixture
def bank(pair: Pair) -> OwnBank:
    return OwnBank(pair.data_dir)


@pytest.mark.parametrize(
    ("kill", "further"),
    [(True, {}), (False, {}), (True, {"DB_POOL": "2"})],
    ids=["killed", "stopped", "killed, with pools"],
)
def test_the_primary_ends_under_load_and_the_standby_goes_on(
    bank: OwnBank,
    pair: Pair,
    further: dict[str, str],
    figure: Callable[[str], None],
    *,
    kill: bool,
) -> None:
    bank.settings |= further
    with people(bank) as paying_there, load(bank, 2) as paying:
        paying_there.wait_for(ENOUGH)
        paying.wait_for(ENOUGH)
        ended = time.monotonic()
        done = pair.fail_over(kill=kill)
        paying.wait_for(ENOUGH)
        paying_there.wait_for(ENOUGH)
        back = time.monotonic()
        pair.follow()  # the old primary comes back as a standby
        paying.wait_for(ENOUGH)
        paying_there.wait_for(ENOUGH)
    figure(f"promoted in {done.seconds:.2f} s")
    for who, moments in (("services", paying.moments), ("pages", paying_there.moments)):
        gaps = [longest_gap(moments, ended, back), longest_gap(moments, back)]
        figure(f"{who}: nobody paid for {gaps[0]:.2f} s, when the other came back {gaps[1]:.2f} s")
    assert_every_receipt_is_in_the_books(bank, paying, paying_there)


def test_a_pair_fails_over_there_and_back(bank: OwnBank, pair: Pair) -> None:
    with load(bank, 2) as paying:
        for primary in ("second", "first"):
            paying.wait_for(ENOUGH)
            assert pair.fail_over(kill=True).primary == primary
            pair.follow()
            paying.wait_for(ENOUGH)
    assert_nothing_lost_and_nothing_invented(bank, paying)


def test_a_primary_that_turned_read_only_is_left_for_the_one_that_takes_writes(
    bank: OwnBank, pair: Pair, figure: Callable[[str], None]
) -> None:
    with people(bank) as paying_there, load(bank, 2) as paying:
        paying_there.wait_for(ENOUGH)
        paying.wait_for(ENOUGH)
        turned = time.monotonic()
        pair.primary.ask("ALTER SYSTEM SET default_transaction_read_only = on")
        pair.primary.ask("SELECT pg_reload_conf()")
        wait_until(lambda: bool(paying.ids("unknown")))
        pair.standby.write_without_standby()
        promoted = time.monotonic()
        pair.standby.promote()
        paying.wait_for(ENOUGH)
        paying_there.wait_for(ENOUGH)
        pair.primary.kill()
        pair._name(pair.standby)
    for who, moments in (("services", paying.moments), ("pages", paying_there.moments)):
        gap = longest_gap(moments, turned)
        since = min(moment for moment in moments if moment > promoted) - promoted
        figure(f"{who}: nobody paid for {gap:.2f} s, {since:.2f} s of it since the promotion began")
    assert_every_receipt_is_in_the_books(bank, paying, paying_there)


def test_commits_wait_for_the_standby(pair: Pair) -> None:
    assert pair.primary.ask("SELECT sync_state FROM pg_stat_replication") == "sync"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no file lists the processes")
def test_a_primary_that_stands_still_is_killed_with_those_that_serve_clients(pair: Pair) -> None:
    with roles.as_superuser(pair.primary.running(), "postgres") as connection:
        serves = connection.info.backend_pid
        os.kill(serves, signal.SIGSTOP)
        try:
            pair.primary.kill()
            wait_until(lambda: has_ended(serves))
        finally:
            with suppress(ProcessLookupError):
                os.kill(serves, signal.SIGCONT)


def has_ended(pid: int) -> bool:
    """Whether a process is gone, or nobody has asked for its end yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_a_dead_primary_is_not_started_again_by_who_cannot_reach_it(pair: Pair) -> None:
    pair.primary.kill()

    pair.ensure_started()

    assert not pair.primary.is_running()


def test_without_a_standby_nothing_is_ended(pair: Pair) -> None:
    pair.standby.stop()

    with pytest.raises(EmbeddedServerError, match="nothing was changed"):
        pair.fail_over(kill=True)
    assert pair.primary.is_running()


def test_a_standby_that_may_lack_what_was_acknowledged_is_not_promoted(pair: Pair) -> None:
    pair.primary.write_without_standby()

    with pytest.raises(EmbeddedServerError, match="nothing was changed"):
        pair.fail_over(kill=True)
    assert pair.primary.is_running()
    pair.follow()
    assert pair.fail_over(kill=True).primary == "second"


def test_a_standby_confirms_only_once_the_checkpointer_lets_commits_wait(pair: Pair) -> None:
    primary = pair.primary
    pair.write_without_standby()
    for _ in range(2):
        primary.ask("CHECKPOINT")  # so that the checkpointer has read it
    pid = primary.ask("SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'")
    waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'CheckpointStart'"
    with ThreadPoolExecutor(1) as threads:
        os.kill(pid, signal.SIGSTOP)  # it reads as little while it writes a long checkpoint
        try:
            following = threads.submit(pair.follow)
            wait_until(lambda: following.done() or primary.ask(waits) > 0)
            assert not primary.is_confirmed, "commits wait for nobody yet"
        finally:
            os.kill(pid, signal.SIGCONT)
        following.result()
    assert primary.is_confirmed


def test_a_primary_that_is_dead_is_not_told_to_write_alone(pair: Pair) -> None:
    pair.primary.kill()

    with pytest.raises(EmbeddedServerError, match=r"manage\.py failover"):
        pair.write_without_standby()
    assert pair.fail_over(kill=True).primary == "second"


def test_the_standby_of_a_dead_primary_is_not_made_anew(pair: Pair) -> None:
    pair.primary.kill()

    with pytest.raises(EmbeddedServerError, match=r"manage\.py failover"):
        pair.follow()
    assert pair.fail_over(kill=True).primary == "second"


@pytest.mark.parametrize("made", [False, True], ids=["not made", "made, and confirms nothing"])
def test_a_standby_keeps_its_copy_where_no_new_one_confirms(
    pair: Pair, monkeypatch: pytest.MonkeyPatch, *, made: bool
) -> None:
    (pair.standby.data / MARK).touch()
    monkeypatch.setattr(Node, "wait_for_standby", fail)
    if not made:
        monkeypatch.setattr("ledger.embedded.pair._copied", fail)

    with pytest.raises(EmbeddedServerError, match=NOT_NOW):
        pair.follow()

    assert copies_of(pair.standby) == [pair.standby.data]
    assert (pair.standby.data / MARK).exists()
    monkeypatch.undo()
    pair.primary.kill()
    pair.standby.ensure_started()
    assert pair.fail_over(kill=True).primary == "second"


@pytest.mark.parametrize("made", [False, True], ids=["not made", "made, and confirmed nothing yet"])
def test_after_a_kill_while_a_standby_is_copied_anew_one_whole_copy_is_left(
    pair: Pair, monkeypatch: pytest.MonkeyPatch, *, made: bool
) -> None:
    data = pair.standby.data
    (data / MARK).touch()
    pair.stop()
    if made:
        shutil.copytree(data, data.with_suffix(".old"))
        (data / MARK).unlink()
    else:
        data.rename(data.with_suffix(".old"))
        data.with_suffix(".new").mkdir()
    monkeypatch.setattr("ledger.embedded.pair._copied", fail)  # what is there is enough

    pair.ensure_started()

    assert pair.primary.ask("SELECT sync_state FROM pg_stat_replication") == "sync"
    assert copies_of(pair.standby) == [data]
    assert (data / MARK).exists() is not made


def test_the_kept_copy_of_a_standby_that_became_the_primary_is_removed_too(pair: Pair) -> None:
    pair.standby.data.with_suffix(".old").mkdir()
    pair.fail_over(kill=False)

    pair.follow()

    assert copies_of(pair.primary) == [pair.primary.data]


def test_an_old_primary_that_can_neither_be_wound_back_nor_copied_keeps_its_data(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new primary is the only other copy."""
    pair.fail_over(kill=True)
    (pair.standby.data / MARK).touch()
    run = Placement.run

    def on_a_full_disk(place: Placement, program: str, *arguments: str, output: Path) -> int:
        if program not in ("pg_rewind", "pg_basebackup"):
            return run(place, program, *arguments, output=output)
        output.write_text("could not write: No space left on device")
        return 1

    monkeypatch.setattr(Placement, "run", on_a_full_disk)

    with pytest.raises(EmbeddedServerError, match="No space left"):
        pair.follow()

    assert (pair.standby.data / MARK).exists()
    monkeypatch.undo()
    pair.follow()
    assert copies_of(pair.standby) == [pair.standby.data]


def refused(_node: Node) -> NoReturn:
    raise psycopg.OperationalError(NOT_NOW)


def started_anew(pair: Pair) -> None:
    pair.stop()
    pair.ensure_started()


@pytest.mark.parametrize(
    "bring_back", [Pair.follow, Pair.make, Pair.write_without_standby, started_anew]
)
def test_a_failover_that_ended_before_the_promotion_is_completed(
    bring_back: Callable[[Pair], object], pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Node, "promote", refused)
    with pytest.raises(EmbeddedServerError, match=NOT_NOW):
        pair.fail_over(kill=True)
    monkeypatch.undo()
    assert not pair.primary.answers_as_primary()
    bring_back(pair)
    assert pair.primary is pair.second
    assert pair.primary.answers_as_primary()
    pair.follow()
    assert pair.fail_over(kill=True).primary == "first"


def test_an_unfinished_failover_promotes_nothing_beside_a_server_that_lives(pair: Pair) -> None:
    pair._name(pair.second)

    with pytest.raises(EmbeddedServerError, match="nothing was changed"):
        pair.follow()

    assert pair.first.answers_as_primary()
    assert not pair.second.answers_as_primary()


def test_an_unfinished_failover_promotes_nothing_that_may_lack_commits(pair: Pair) -> None:
    pair.write_without_standby()
    pair.first.kill()
    pair._name(pair.second)

    with pytest.raises(EmbeddedServerError, match="nothing was changed"):
        pair.follow()

    assert not pair.second.answers_as_primary()


def promoted(pair: Pair) -> None:
    pair.fail_over(kill=True)


@pytest.mark.parametrize("change", [Pair.follow, Pair.write_without_standby, promoted])
def test_two_processes_do_not_change_a_pair_at_once(
    pair: Pair, monkeypatch: pytest.MonkeyPatch, change: Callable[[Pair], None]
) -> None:
    monkeypatch.setattr("ledger.embedded.server.LOCK_SECONDS", 0)
    with (
        pair.first.locked("pair.lock"),
        pytest.raises(EmbeddedServerError, match="Another process"),
    ):
        change(pair)
    assert pair.primary.is_confirmed


def test_a_standby_that_was_away_too_long_is_copied_again(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair.standby.stop()
    pair.primary.write_without_standby()
    pair.primary.ask("ALTER SYSTEM SET wal_keep_size = 0")
    pair.primary.ask("ALTER SYSTEM SET max_wal_size = '32MB'")
    pair.primary.ask("SELECT pg_reload_conf()")
    for _ in range(4):
        pair.primary.ask("SELECT pg_switch_wal()")
        pair.primary.ask("CREATE TABLE filler AS SELECT generate_series(1, 200000)")
        pair.primary.ask("DROP TABLE filler")
        pair.primary.ask("CHECKPOINT")
    # It is copied because the log is gone, not because somebody waited for long.
    monkeypatch.setattr("ledger.embedded.pair._wait", lambda is_so, _otherwise: wait_until(is_so))

    pair.follow()

    assert pair.primary.ask("SELECT sync_state FROM pg_stat_replication") == "sync"


def test_both_stop_and_start_together(pair: Pair) -> None:
    assert pair.stop()
    assert not pair.is_running()

    pair.ensure_started()

    assert pair.first.is_running()
    assert pair.second.is_running()
    assert pair.primary.ask("SELECT sync_state FROM pg_stat_replication") == "sync"


def test_the_command_says_each_step_when_it_begins(pair: Pair) -> None:
    command = [*MANAGE, "failover", "--kill"]
    own = environment(pair.data_dir, PYTHONUNBUFFERED="")
    with subprocess.Popen(command, env=own, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        with pair.first.locked():  # so that the old primary does not start again yet
            lines = [running.stdout.readline() for _ in range(4)]
            assert running.poll() is None, "its lines came only at its end"
        further = running.stdout.read()

    told = ["Ending", "Promoting", "second server is the primary", "Making the old primary"]
    assert [words in line for words, line in zip(told, lines, strict=True)] == [True] * 4, lines
    assert running.returncode == 0
    assert "confirms each commit" in further


def test_the_command_says_that_the_primary_was_already_dead(pair: Pair) -> None:
    pair.primary.kill()

    done = manage(pair.data_dir, "failover")

    assert done.returncode == 0, done.stderr
    assert "was not running" in done.stdout.splitlines()[0]


def test_the_command_fails_over_and_a_single_server_is_left_alone(pair: Pair) -> None:
    done = manage(pair.data_dir, "failover", "--kill")

    assert done.returncode == 0, done.stderr
    assert "second server is the primary" in done.stdout
    assert pair.primary is pair.second
    with reachable_folder() as other:
        assert_one_sentence(manage(other / "data", "failover"), "no standby")

"""A bank in a Patroni cluster of three nodes, a switchover, and a leader that is killed while money
moves: what was acknowledged is there once, and payments go on. The run prints at its end how long
nobody could pay.
"""

import re
import time
from collections.abc import Callable, Iterator
from copy import copy
from itertools import pairwise
from pathlib import Path
from typing import Self

import pytest
import yaml

from tests.console import read
from tests.ledger import patroni
from tests.ledger.own_bank import OwnBank, load
from tests.ledger.own_site import (
    GunicornSite,
    assert_every_receipt_is_in_the_books,
    longest_gap,
    people,
)
from tests.ledger.patroni import (
    ALL,
    PARAMETERS,
    SYNCHRONOUS,
    PatroniCluster,
    patroni_cluster,
)
from tests.ledger.processes import manage, own_data_dir

ENOUGH = 12
OWNER, WEB = "ledger", "ledger_web"
PARTS = ("switchover", "leader killed", "old leader back")


class PatroniBank(OwnBank):
    """A bank whose commands and processes know all nodes, and have the role of its owner."""

    def __init__(self, data_dir: Path, cluster: PatroniCluster) -> None:
        self.reached_by = {"DATABASE_URL": cluster.url(OWNER), "LEDGER_URL": "http://localhost"}
        made = manage(data_dir, "create_roles", DATABASE_URL=cluster.url("postgres"))
        assert made.returncode == 0, made.stderr
        super().__init__(data_dir)
        self.cluster = cluster

    def for_pages(self) -> Self:
        """The same, whose processes have the web role."""
        found = copy(self)
        found.settings = {**self.settings, "DATABASE_URL": self.cluster.url(WEB)}
        return found


@pytest.fixture
def cluster() -> Iterator[PatroniCluster]:
    with patroni_cluster() as found:
        yield found


@pytest.fixture
def bank(cluster: PatroniCluster) -> Iterator[PatroniBank]:
    with own_data_dir() as data_dir:
        yield PatroniBank(data_dir, cluster)


def test_the_page_has_the_settings_of_the_cluster() -> None:
    """With other settings a change of the leader may lose payments, which the next test cannot
    show in each run.
    """
    (settings,) = re.findall(
        r"^```yaml\n(synchronous_mode.*?)^```$", read("docs/databases.md"), re.MULTILINE | re.DOTALL
    )
    assert yaml.safe_load(settings) == {**SYNCHRONOUS, "postgresql": {"parameters": PARAMETERS}}


@pytest.mark.skipif(bool(patroni.missing()), reason=patroni.missing())
def test_a_switchover_and_a_killed_leader_lose_no_payment(
    bank: PatroniBank, cluster: PatroniCluster, figure: Callable[[str], None]
) -> None:
    with people(bank.for_pages(), GunicornSite) as there, load(bank, 2) as paying:

        def payments_go_on() -> float:
            """Waits for further payments of each kind; returns the moment."""
            paying.wait_for(ENOUGH)
            there.wait_for(ENOUGH)
            return time.monotonic()

        moments = [payments_go_on()]
        first = cluster.leader()
        cluster.switch_over()
        payments_go_on()
        second = cluster.leader()
        assert second is not first
        cluster.wait_for(*ALL)  # without a standby that confirms, nobody could take over

        moments.append(time.monotonic())
        second.kill()
        payments_go_on()
        assert cluster.leader() is not second

        moments.append(time.monotonic())
        second.start()
        cluster.wait_for(*ALL)
        moments.append(payments_go_on())

    for what, (began, ended) in zip(PARTS, pairwise(moments), strict=True):
        gaps = [longest_gap(each.moments, began, ended) for each in (paying, there)]
        figure(f"{what}: nobody paid for {gaps[0]:.1f} s by services, {gaps[1]:.1f} s on pages")
        told = [moment - began for moment in there.site.unavailable if began < moment < ended]
        figure(f"{what}: the last page with status 503 came after {max(told, default=0):.1f} s")
    figure(f"acknowledged: {len(paying.ids('done'))} by services, {len(there.receipts)} on pages")
    assert_every_receipt_is_in_the_books(bank, paying, there)

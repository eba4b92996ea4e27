"""Recipes about telling others: an outbox, and LISTEN/NOTIFY as a wake-up only."""

from tests.cookbook.conftest import Cook


def test_an_event_is_there_with_the_commit_and_survives_a_crash(cook: Cook) -> None:
    ran = cook("outbox")
    assert ran.value["events"] == {"before the commit": 0, "left": 0}
    assert ran.value["coins"] == {"rent": 60}, "the payment that was rolled back is gone"
    sent = ran.value["sent"]
    assert sent["first"] == sent["after the crash"] == "notify the landlord of 40"


def test_a_notice_wakes_who_listens_and_the_work_is_in_the_table(cook: Cook) -> None:
    ran = cook("listen-and-notify")
    assert ran.value["notices"] == {"before the commit": 0, "after it": 1}
    assert ran.value["jobs"] == {"found before listening": 1, "in the table": 3}

"""Annotations: versions, history, validation, and the rules of the database."""

import threading
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, DataError, connection
from django.db import transaction as db_transaction
from django.utils import timezone

from accounts.models import Account, User
from ledger.db.ids import uuid7
from tests.conftest import read_as, set_role
from tests.factories import AccountFactory, UserFactory
from tests.refusals import refused_by
from transactions import services
from transactions.annotations.forms import AnnotationForm, AnyText
from transactions.annotations.models import Annotation
from transactions.annotations.models.annotation import LONGEST_TAG, MAX_TAGS, TEXT_LIMIT
from transactions.annotations.services import (
    TYPED,
    annotate,
    annotation_history,
    tidy_tag,
    tidy_tags,
    tidy_text,
)
from transactions.exceptions import InvalidDetails, NoteChanged, TransactionNotFound
from transactions.models import Transaction

pytestmark = pytest.mark.django_db


@pytest.fixture
def ana() -> Account:
    ana: Account = AccountFactory(balance="100", user__name="Ana")
    return ana


@pytest.fixture
def mara() -> Account:
    mara: Account = AccountFactory(user__name="Mara")
    return mara


@pytest.fixture
def paid(ana: Account, mara: Account) -> Transaction:
    return services.transfer(from_account=ana, to_account=mara, amount=Decimal(10))


def test_the_newest_version_is_current_and_the_others_are_history(
    ana: Account, paid: Transaction
) -> None:
    assert annotation_history(paid, ana.user).is_empty
    for text in ("Lunch", "Lunch with Mara", ""):
        annotate(transaction=paid, owner=ana.user, text=text, tags=["food"] if text else [])
    annotate(transaction=paid, owner=ana.user, tags=["#Food", "food", "Porto-2026"])
    notes = annotation_history(paid, ana.user)
    assert (notes.text, notes.tags) == ("", ("food", "porto-2026"))
    assert [said.text for said in notes.history] == ["", "", "Lunch with Mara", "Lunch"]
    assert [said.is_empty for said in notes.history] == [False, True, False, False]
    assert notes.changes == 3
    assert not notes.is_cut


def test_each_side_has_its_own_note(ana: Account, mara: Account, paid: Transaction) -> None:
    annotate(transaction=paid, owner=ana.user, text="Lunch")
    annotate(transaction=paid, owner=mara.user, text="From Ana", tags=["food"])
    assert annotation_history(paid, ana.user).text == "Lunch"
    assert annotation_history(paid, mara.user).tags == ("food",)
    assert annotation_history(paid, UserFactory()).is_empty


def test_strangers_and_staff_get_transaction_not_found(clerk: User, paid: Transaction) -> None:
    for stranger in (UserFactory(), clerk, User.objects.create_superuser("root@example.com")):
        with pytest.raises(TransactionNotFound, match="You have no transaction"):
            annotate(transaction=paid, owner=stranger, text="Mine now")
    assert not Annotation.objects.exists()


@pytest.mark.parametrize(
    ("text", "tags", "fact"),
    [
        ("x" * 501, [], "501 characters"),
        ("", ["eating out"], "“eating out” is not"),
        ("", ["<b>"], "“<b>” is not"),
        ("", ["a,b"], "“a,b” is not"),
        ("", ["--"], "“--” is not"),
        ("", ["x" * 31], "at most 30 letters"),
        ("", [f"tag{n}" for n in range(21)], "21 tags"),
        ("\ud800", [], "a character that cannot be stored"),
        ("", ["\ud800"], "a character that cannot be stored"),
    ],
)
def test_invalid_details_are_refused_with_the_reason(text: str, tags: list[str], fact: str) -> None:
    with pytest.raises(InvalidDetails, match=fact):
        annotate(transaction=Transaction(), owner=UserFactory(), text=text, tags=tags)


def test_text_is_tidied_and_letters_of_every_script_are_tags(
    ana: Account, paid: Transaction
) -> None:
    annotate(
        transaction=paid,
        owner=ana.user,
        text="  One\r\n\r\n\r\n\u202etwo\x00  three ",
        tags=["ÉTÉ", "हिन्दी", "日本", "null", "e\u0301te\u0301", "", "#"],
    )
    notes = annotation_history(paid, ana.user)
    assert notes.text == "One\n\ntwo three"
    assert notes.tags == ("été", "हिन्दी", "日本", "null")


def test_a_note_keeps_its_lines_with_one_empty_line_between_two() -> None:
    assert tidy_text(" \n One \r\n\r\n\r\n two\nthree\n\nfour\n\n") == "One\n\ntwo\nthree\n\nfour"
    assert tidy_text("x" * TEXT_LIMIT) == "x" * TEXT_LIMIT
    assert tidy_text(" " * TYPED * TEXT_LIMIT) == ""
    for refused in ("x" * (TEXT_LIMIT + 1), " " * (TYPED * TEXT_LIMIT + 1), "\ud800"):
        with pytest.raises(InvalidDetails):
            tidy_text(refused)


def test_tags_are_few_short_words_each_once() -> None:
    assert tidy_tags(["#Food", "", "food", "Porto_2-a", "#"]) == ["food", "porto_2-a"]
    many = [f"tag{n}" for n in range(MAX_TAGS + 1)]
    assert tidy_tags(many[:MAX_TAGS]) == many[:MAX_TAGS]
    assert tidy_tags(["food"] * TYPED * MAX_TAGS) == ["food"]
    for tags in (many, ["food"] * (TYPED * MAX_TAGS + 1)):
        with pytest.raises(InvalidDetails):
            tidy_tags(tags)
    padded = f"x{' ' * (TYPED * LONGEST_TAG - 1)}"
    assert (tidy_tag("x" * LONGEST_TAG), tidy_tag(padded)) == ("x" * LONGEST_TAG, "x")
    for tag in ("x" * (LONGEST_TAG + 1), f"{padded} ", "--", "a b", "a.b", "<b>", "\ud800"):
        with pytest.raises(InvalidDetails):
            tidy_tag(tag)


def test_the_form_reads_what_was_typed_and_keeps_a_refusal_at_its_field() -> None:
    form = AnnotationForm({"text": " Lunch\x00out ", "tags": "#Food, porto;\n food"})
    assert form.is_valid()
    assert form.cleaned_data == {"text": "Lunch out", "tags": ["food", "porto"]}
    assert "saved" in form.done
    form = AnnotationForm({"text": " ", "tags": ""})
    assert form.is_valid()
    assert form.cleaned_data == {"text": "", "tags": []}
    assert "removed" in form.done
    form = AnnotationForm({"text": "x" * (TEXT_LIMIT + 1), "tags": "--"})
    assert sorted(form.errors) == ["tags", "text"]
    assert AnyText(required=False).clean(None) == ""


def test_only_the_version_that_the_owner_saw_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the clock stands still, a version is later than the one before."""
    account, now = AccountFactory(), timezone.now()
    row, owner = services.deposit(to_account=account, amount=Decimal(5)), account.user
    monkeypatch.setattr("transactions.annotations.services.timezone.now", lambda: now)
    assert annotate(transaction=row, owner=owner, replaces="") is None
    with pytest.raises(NoteChanged):
        annotate(transaction=row, owner=owner, text="Lunch", replaces=str(uuid7()))
    with pytest.raises(TransactionNotFound):
        annotate(transaction=row, owner=UserFactory(), text="Lunch")
    assert not Annotation.objects.exists()
    assert (annotation_history(row, owner).id, annotation_history(row, owner).changes) == ("", 0)

    first = annotate(transaction=row, owner=owner, text="Lunch", tags=["food"], replaces="")
    assert first is not None
    for replaces in (None, ""):
        again: Any = {"text": "Lunch ", "tags": ["#food"], "replaces": replaces}
        assert annotate(transaction=row, owner=owner, **again) == first
    with pytest.raises(NoteChanged):
        annotate(transaction=row, owner=owner, text="Dinner", replaces="")
    second = annotate(transaction=row, owner=owner, tags=["food"], replaces=str(first.pk))
    versions = list(Annotation.objects.order_by("created_at"))
    assert versions == [first, second]
    assert [(each.text, each.tags) for each in versions] == [("Lunch", ["food"]), ("", ["food"])]


def test_a_long_history_is_cut_but_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    account = AccountFactory()
    row, owner = services.deposit(to_account=account, amount=Decimal(5)), account.user
    texts = ["Breakfast", "", "Lunch"]
    versions = [annotate(transaction=row, owner=owner, text=text) for text in texts]
    for limit, is_cut in ((3, False), (2, True), (1, True)):
        monkeypatch.setattr("transactions.annotations.services.MAX_SHOWN", limit)
        notes = annotation_history(row, owner)
        assert notes.history == tuple(reversed(versions[-limit:]))
        assert (notes.id, notes.text, notes.tags) == (str(notes.history[0].pk), "Lunch", ())
        assert (notes.changes, notes.is_cut, notes.is_empty) == (2, is_cut, False)


def test_reads_chain_in_any_order(ana: Account, mara: Account, paid: Transaction) -> None:
    other = services.transfer(from_account=ana, to_account=mara, amount=Decimal(1))
    annotate(transaction=paid, owner=ana.user, text="Lunch")
    annotate(transaction=paid, owner=ana.user, text="")
    annotate(transaction=other, owner=ana.user, text="Dinner")
    annotate(transaction=paid, owner=mara.user, text="Mine")
    mine = Annotation.objects.of(ana.user)
    assert [said.text for said in mine.latest().present()] == ["Dinner"]
    assert [said.text for said in mine.present().latest()] == ["Dinner"]
    assert {said.text for said in mine.latest()} == {"", "Dinner"}


@pytest.mark.django_db(transaction=True)
def test_two_tabs_at_once_leave_one_order(
    ana: Account, paid: Transaction, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where the clock stands still, each note is later than the one before it."""
    rounds, now = 15, timezone.now()
    monkeypatch.setattr("transactions.annotations.services.timezone.now", lambda: now)
    together = threading.Barrier(2)
    errors: list[Exception] = []

    def write(tab: str) -> None:
        for n in range(rounds):
            together.wait(timeout=60)
            try:
                annotate(transaction=paid, owner=ana.user, text=f"{tab} {n}")
            except DatabaseError as error:
                errors.append(error)
        connection.close()

    tabs = [threading.Thread(target=write, args=[tab]) for tab in "ab"]
    for tab in tabs:
        tab.start()
    for tab in tabs:
        tab.join()
    assert errors == []
    moments = list(Annotation.objects.values_list("created_at", flat=True))
    assert len(set(moments)) == 2 * rounds
    assert Annotation.objects.of(ana.user).latest().count() == 1


# The rules of the database

INSERT = (
    "INSERT INTO annotations (id, transaction_id, owner_id, text, tags, created_at)"
    " VALUES (%s, %s, %s, %s, %s::varchar[], %s)"
)


def row_of(paid: Transaction, owner: User, **changes: str) -> list[Any]:
    row = {"text": "", "tags": "{}", "created_at": "2026-01-01", **changes}
    return [uuid7(), paid.pk, owner.pk, *row.values()]


def test_the_database_refuses_to_change_a_note(ana: Account, paid: Transaction) -> None:
    annotate(transaction=paid, owner=ana.user, text="Lunch")
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # or TRUNCATE waits for those of the row
    assert refused_by("UPDATE annotations SET text = ''") == "annotation_stays"
    assert refused_by("DELETE FROM annotations") == "annotation_stays"
    assert refused_by("TRUNCATE annotations") == "annotations_stay"


def test_the_database_refuses_a_note_by_a_stranger(paid: Transaction) -> None:
    assert refused_by(INSERT, *row_of(paid, UserFactory())) == "annotation_of_own_side"


@pytest.mark.parametrize(
    "tags",
    [
        "{Food}", '{"eating out"}', '{"a,b"}', "{<b>}", '{"\'"}', "{{a},{b}}", "[2:2]={a}",
        "{" + ",".join(f"t{n}" for n in range(21)) + "}", '{"NULL"}',
    ],
)  # fmt: skip
def test_the_database_refuses_invalid_tags(tags: str, ana: Account, paid: Transaction) -> None:
    assert refused_by(INSERT, *row_of(paid, ana.user, tags=tags)) == "annotation_tags_valid"


@pytest.mark.parametrize("tags", ["{NULL}", '{""}', "{" + "x" * 31 + "}"])
def test_the_database_refuses_empty_and_long_tags(
    tags: str, ana: Account, paid: Transaction
) -> None:
    with (
        pytest.raises(DataError, match=r"may not contain|too long"),
        db_transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(INSERT, row_of(paid, ana.user, tags=tags))


def test_the_database_refuses_two_notes_at_one_moment_and_infinite_times(
    ana: Account, paid: Transaction
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(INSERT, row_of(paid, ana.user))
    assert refused_by(INSERT, *row_of(paid, ana.user)) == "annotation_moments_differ"
    endless = row_of(paid, ana.user, created_at="infinity")
    assert refused_by(INSERT, *endless) == "annotation_time_finite"


def test_a_web_process_can_add_but_not_change_notes(ana: Account, paid: Transaction) -> None:
    person = ana.user  # read before the role changes
    set_role("ledger_web")
    with read_as(person):
        annotate(transaction=paid, owner=person, text="Lunch")
        annotate(transaction=paid, owner=person, text="Dinner")
    set_role(None)
    with connection.cursor() as cursor:
        rights = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE")
        for right in rights:
            cursor.execute("SELECT has_table_privilege('ledger_web', 'annotations', %s)", [right])
            assert cursor.fetchone() == (right in ("SELECT", "INSERT"),)

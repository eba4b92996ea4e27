"""Two people sign a reconciliation, and the database keeps it as it is from then on."""

from collections.abc import Callable
from functools import partial

import pytest
from django.db import connection

from accounts.approvals import check_now
from accounts.models import Account, User
from banking.reconciliation import services
from banking.reconciliation.audit_checks import reconciliations
from banking.reconciliation.models import (
    Reconciliation,
    ReconciliationLine,
    ReconciliationMatch,
)
from tests.banking.reconciliation.files import (
    line_of,
    paid_in,
    seen_now,
    settled,
    sign,
    statement,
    stored,
)
from tests.factories import AccountFactory, UserFactory, walls_down
from tests.refusals import refused_by
from tests.transactions.audit.breaking import falsify_rules
from tests.transactions.posting.shared import at_once
from transactions.audit.findings import named
from transactions.exceptions import InvalidDetails

pytestmark = pytest.mark.django_db


@pytest.fixture
def ana() -> Account:
    return AccountFactory(user__name="Ana Ferreira")


@pytest.fixture
def first() -> User:
    return UserFactory(name="First")


@pytest.fixture
def second() -> User:
    return UserFactory(name="Second")


@pytest.fixture
def whose(ana: Account, first: User) -> Reconciliation:
    """Settled: a line is matched, one is left over."""
    paid_in(ana, "40")
    return settled(statement("40.00,,,", "7.00,,,"), first)


def test_two_people_sign_one_after_the_other(
    whose: Reconciliation, first: User, second: User
) -> None:
    signed = sign(whose, first)
    assert (signed.signed_by, signed.is_frozen) == (first, False)
    with pytest.raises(InvalidDetails, match="Another person"):
        sign(whose, first)
    seen = seen_now(whose)
    services.sign(reconciliation=whose, by=second, seen=seen)
    with pytest.raises(InvalidDetails, match="frozen"):
        services.sign(reconciliation=whose, by=second, seen=seen)  # as a form sent twice
    whose.refresh_from_db()
    assert whose.is_frozen
    assert whose.signed_at is not None
    assert whose.countersigned_at is not None
    assert whose.signed_at <= whose.countersigned_at
    with pytest.raises(InvalidDetails, match="frozen"):
        services.take_back(reconciliation=whose, seen=seen_now(whose))


def test_a_signature_is_for_the_lines_that_were_seen(ana: Account, first: User) -> None:
    paid_in(ana, "40")
    whose = statement("40.00,,,", "7.00,,,")
    services.match_sure(reconciliation=whose, by=first)
    seen = seen_now(whose)
    ReconciliationLine.objects.of(whose).unsettled().delete()
    with pytest.raises(InvalidDetails, match="changed this reconciliation in the meantime"):
        services.sign(reconciliation=whose, by=first, seen=seen)


def test_nobody_signs_while_a_line_is_open(ana: Account, first: User) -> None:
    row = paid_in(ana, "30")
    whose = statement("40.00,,,")
    with pytest.raises(InvalidDetails, match="Some lines are open"):
        sign(whose, first)
    services.match(line=line_of(whose, 1), transaction=row.pk, by=first)
    with pytest.raises(InvalidDetails, match="Some lines are open"):
        sign(whose, first)
    services.leave_over(line=line_of(whose, 1), reason="10 comes tomorrow")
    sign(whose, first)


def test_what_is_signed_changes_only_after_the_signature_is_taken_back(
    whose: Reconciliation, first: User
) -> None:
    sign(whose, first)
    match = ReconciliationMatch.objects.get()
    changes: list[Callable[[], object]] = [
        lambda: services.unmatch(line=line_of(whose, 1), match=match.pk),
        lambda: services.leave_over(line=line_of(whose, 2), reason="Another one"),
        lambda: services.discard(reconciliation=whose, seen=seen_now(whose)),
    ]
    for change in changes:
        with pytest.raises(InvalidDetails, match="signed"):
            change()
    services.take_back(reconciliation=whose, seen=seen_now(whose))
    services.unmatch(line=line_of(whose, 1), match=match.pk)
    assert line_of(whose, 1).rest == 40


def test_a_signature_is_for_what_the_page_showed(
    whose: Reconciliation, first: User, second: User
) -> None:
    """The second person's page is older than what the first one signs in the end."""
    unsigned = seen_now(whose)
    sign(whose, first)
    signed = seen_now(whose)
    with pytest.raises(InvalidDetails, match="changed"):
        services.sign(reconciliation=whose, by=second, seen=unsigned)
    services.take_back(reconciliation=whose, seen=signed)
    assert seen_now(whose) == unsigned
    services.leave_over(line=line_of(whose, 2), reason="Nobody has seen this")
    with pytest.raises(InvalidDetails, match="changed"):
        services.sign(reconciliation=whose, by=second, seen=unsigned)
    sign(whose, first)
    for seen in (unsigned, signed, ""):
        with pytest.raises(InvalidDetails, match="changed"):
            services.sign(reconciliation=whose, by=second, seen=seen)
    assert sign(whose, second).is_frozen


def test_a_new_match_is_another_version(whose: Reconciliation, first: User) -> None:
    match, seen = ReconciliationMatch.objects.get(), seen_now(whose)
    services.unmatch(line=line_of(whose, 1), match=match.pk)
    assert seen_now(whose) != seen
    services.match(line=line_of(whose, 1), transaction=match.transaction_id, by=first)
    assert seen_now(whose) != seen
    with pytest.raises(InvalidDetails, match="changed"):
        services.discard(reconciliation=whose, seen=seen)


def test_nobody_takes_back_a_signature_that_they_did_not_see(
    whose: Reconciliation, first: User, second: User
) -> None:
    with pytest.raises(InvalidDetails, match="Nobody has signed"):
        services.take_back(reconciliation=whose, seen=seen_now(whose))
    sign(whose, first)
    seen = seen_now(whose)
    services.take_back(reconciliation=whose, seen=seen)
    sign(whose, second)
    with pytest.raises(InvalidDetails, match="changed"):
        services.take_back(reconciliation=whose, seen=seen)
    whose.refresh_from_db()
    assert whose.signed_by == second


def test_a_line_of_zero_is_settled(first: User, second: User) -> None:
    whose = statement("0.00,Bank,Notice of a new fee,")
    assert not ReconciliationLine.objects.of(whose).unsettled().exists()
    sign(whose, first)
    assert sign(whose, second).is_frozen


COPY_A_MATCH = """
    INSERT INTO reconciliation_matches
    SELECT gen_random_uuid(), amount, is_sure, created_at, account_id, created_by_id, line_id,
           transaction_id
    FROM reconciliation_matches
"""


@pytest.mark.parametrize(
    ("sql", "rule"),
    [
        ("UPDATE reconciliation_lines SET leftover = 'x'", "line_of_signed_stays"),
        ("UPDATE reconciliation_lines SET amount = 1", "line_of_signed_stays"),
        ("DELETE FROM reconciliation_lines", "lines_of_signed_complete"),
        ("DELETE FROM reconciliation_matches", "match_of_signed_stays"),
        ("UPDATE reconciliation_matches SET amount = 1", "match_stays"),
        (
            COPY_A_MATCH,
            "no_match_of_signed",
        ),
        ("DELETE FROM reconciliations", "signed_reconciliation_stays"),
        ("UPDATE reconciliations SET name = 'x'", "reconciliation_name_stays"),
        ("UPDATE reconciliations SET closing = 5", "reconciliation_is_frozen"),
        ("UPDATE reconciliations SET signed_by_id = NULL", "reconciliation_is_frozen"),
        ("UPDATE reconciliations SET countersigned_by_id = NULL", "reconciliation_is_frozen"),
        ("TRUNCATE reconciliations CASCADE", "reconciliations_stay"),
        ("TRUNCATE reconciliation_matches", "reconciliation_matches_stay"),
    ],
)
def test_raw_sql_changes_nothing_that_is_frozen(
    whose: Reconciliation, first: User, second: User, sql: str, rule: str
) -> None:
    sign(whose, first)
    sign(whose, second)
    check_now()  # of foreign keys, before which nothing can be emptied
    assert refused_by(sql) == rule


@pytest.mark.parametrize(
    ("sql", "rule"),
    [
        ("signed_by_id = %(a)s, countersigned_by_id = %(b)s", "reconciliation_by_two"),
        ("countersigned_by_id = %(a)s", "reconciliation_by_two"),
        ("closing = 5", "reconciliation_facts_stay"),
        ("account_id = NULL, line_count = 9", "reconciliation_facts_stay"),
        ("unbooked_count = 9", "reconciliation_facts_stay"),
    ],
)
def test_raw_sql_cannot_sign_for_two_or_change_facts(
    whose: Reconciliation, first: User, second: User, sql: str, rule: str
) -> None:
    values = {"a": f"'{first.pk}'", "b": f"'{second.pk}'"}
    assert refused_by(f"UPDATE reconciliations SET {sql % values}") == rule


def test_a_second_signature_does_not_replace_the_first(
    whose: Reconciliation, first: User, second: User
) -> None:
    sign(whose, first)
    sql = "UPDATE reconciliations SET signed_by_id = %s"
    assert refused_by(sql, second.pk) == "reconciliation_signed_once"
    sql = "UPDATE reconciliations SET signed_at = now() - interval '1 day' RETURNING signed_at"
    before = Reconciliation.objects.get().signed_at
    with connection.cursor() as cursor:
        cursor.execute(sql)
    assert Reconciliation.objects.get().signed_at == before


@pytest.mark.parametrize(("amount", "rule"), [(41, "match_within_line"), (0, "match_is_positive")])
def test_raw_sql_matches_no_more_than_there_is(
    ana: Account, first: User, amount: int, rule: str
) -> None:
    row = paid_in(ana, "50")
    line = line_of(statement("40.00,,,"), 1)
    sql = """
        INSERT INTO reconciliation_matches
            (id, line_id, transaction_id, amount, is_sure, created_by_id, created_at)
        VALUES (gen_random_uuid(), %s, %s, %s, false, %s, now())
    """
    assert refused_by(sql, line.pk, row.pk, amount, first.pk) == rule


def test_raw_sql_matches_no_payment_twice(ana: Account, first: User) -> None:
    row = paid_in(ana, "50")
    whose = statement("40.00,,,", "40.00,,,")
    services.match(line=line_of(whose, 1), transaction=row.pk, by=first)
    sql = """
        INSERT INTO reconciliation_matches
            (id, line_id, transaction_id, amount, is_sure, created_by_id, created_at)
        VALUES (gen_random_uuid(), %s, %s, 11, false, %s, now())
    """
    assert refused_by(sql, line_of(whose, 2).pk, row.pk, first.pk) == "match_within_payment"


@pytest.mark.django_db(transaction=True)
def test_of_two_at_once_that_match_one_payment_one_is_refused(ana: Account, first: User) -> None:
    row = paid_in(ana, "40")
    lines = [line_of(statement("40.00,,,"), 1) for _ in range(2)]

    def match(line: ReconciliationLine) -> str:
        try:
            services.match(line=line, transaction=row.pk, by=first)
        except InvalidDetails:
            return "refused"
        return "matched"

    assert sorted(at_once(*(partial(match, line) for line in lines))) == ["matched", "refused"]
    assert ReconciliationMatch.objects.count() == 1


@pytest.fixture
def frozen(whose: Reconciliation, first: User, second: User) -> Reconciliation:
    sign(whose, first)
    return sign(whose, second)


IS_FROZEN = "id IN (SELECT id FROM reconciliations WHERE countersigned_by_id IS NOT NULL)"
OF_FROZEN = f"reconciliation_{IS_FROZEN}"
LINES = f"line_id IN (SELECT id FROM reconciliation_lines WHERE {OF_FROZEN})"
EDITS = [
    f"UPDATE reconciliations SET closing = coalesce(closing, 0) + 1 WHERE {IS_FROZEN}",
    f"UPDATE reconciliations SET countersigned_by_id = created_by_id WHERE {IS_FROZEN}",
    f"UPDATE reconciliations SET countersigned_by_id = NULL WHERE {IS_FROZEN}",
    f"UPDATE reconciliation_lines SET amount = amount + 1 WHERE leftover = '' AND {OF_FROZEN}",
    f"UPDATE reconciliation_lines SET booked_on = booked_on - 1 WHERE {OF_FROZEN}",
    f"UPDATE reconciliation_lines SET leftover = '' WHERE leftover <> '' AND {OF_FROZEN}",
    f"DELETE FROM reconciliation_lines WHERE leftover <> '' AND {OF_FROZEN}",
    f"UPDATE reconciliation_matches SET amount = amount - 1 WHERE {LINES}",
    f"UPDATE reconciliation_matches SET created_at = created_at - interval '1 s' WHERE {LINES}",
    f"DELETE FROM reconciliation_matches WHERE {LINES}",
    "DELETE FROM row_register WHERE table_name = 'reconciliations'",
    "UPDATE row_register SET digest = NULL WHERE table_name = 'reconciliations'",
]


@pytest.mark.parametrize("edit", EDITS)
def test_the_audit_finds_what_the_owner_edits_in_a_frozen_reconciliation(
    frozen: Reconciliation, ana: Account, first: User, edit: str
) -> None:
    paid_in(ana, "9")
    settled(statement("9.00,,,"), first)  # another one, which is not signed
    assert list(reconciliations()) == []
    with walls_down(edit.split()[1 if edit.startswith("UPDATE") else 2]) as cursor:
        cursor.execute(edit)
        assert cursor.rowcount > 0
    (finding,) = reconciliations()
    assert (finding.check, finding.found) == ("reconciliation", str(frozen.pk))
    assert finding.account is None  # the reconciliation is of the deposits of the bank


@pytest.mark.parametrize(
    "edit",
    [
        "UPDATE reconciliations SET account_id = %s",
        "DELETE FROM reconciliations RETURNING %s::text",
        "DELETE FROM row_register WHERE table_name = 'reconciliations' AND %s <> ''",
    ],
)
def test_the_audit_names_the_accounts_that_two_people_signed(
    first: User, second: User, edit: str
) -> None:
    other = AccountFactory()
    both = [stored(("5", "A fee"), account=AccountFactory()) for _ in range(2)]
    for frozen in both:
        sign(frozen, first)
        sign(frozen, second)
    falsify_rules("reconciliations")
    with walls_down("reconciliations", "row_register") as cursor:
        cursor.execute(edit, [str(other.pk)])
        assert cursor.rowcount == 2
    (finding,) = reconciliations()
    both.sort(key=lambda each: str(each.pk))
    assert (finding.account, finding.found) == (
        str(both[0].account_id), f"{both[0].pk}, {both[1].pk}",
    )  # fmt: skip
    for each in both:
        assert f"{each.pk} of {named(each.account_id)}" in finding.sentence


def test_erasing_what_a_line_says_of_a_person_is_no_edit(frozen: Reconciliation) -> None:
    with walls_down("reconciliations", "reconciliation_lines") as cursor:
        cursor.execute("UPDATE reconciliations SET name = 'A file'")
        cursor.execute(
            "UPDATE reconciliation_lines SET description = '', other = '', reference = '',"
            " outside_id = '', leftover = CASE WHEN leftover = '' THEN '' ELSE 'Erased' END"
        )
    assert list(reconciliations()) == []


@pytest.mark.parametrize("reason", ["A fee", "Erased", "Another one"])
def test_a_reason_of_a_signed_line_is_refused_with_a_message(
    whose: Reconciliation, first: User, reason: str
) -> None:
    """Also the reason that it has, and the one that an erasure writes."""
    sign(whose, first)
    with pytest.raises(InvalidDetails, match="Withdraw the signature"):
        services.leave_over(line=line_of(whose, 2), reason=reason)

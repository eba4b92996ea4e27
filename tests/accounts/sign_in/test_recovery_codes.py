"""Recovery codes: random, stored as digests, each taken once; and those of eight digits before."""

import importlib
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.apps import apps
from django.db import connection
from django.test import override_settings

from accounts.exceptions import NoSecondFactor
from accounts.models import User
from accounts.sign_in.factors import factors_of
from accounts.sign_in.recovery_codes import make_recovery_codes, use_recovery_code
from tests.factories import UserFactory
from tests.sign_in import add_app, add_recovery_codes

pytestmark = pytest.mark.django_db
migration: Any = importlib.import_module("accounts.migrations.0029_digests_of_recovery_codes")


@pytest.fixture
def ana(db: None) -> User:
    ana: User = UserFactory()
    add_app(ana)
    return ana


def test_a_code_has_more_than_112_random_bits(ana: User) -> None:
    codes = make_recovery_codes(user=ana) + make_recovery_codes(user=ana)
    letters = set("".join(codes)) - {"-"}
    assert len(set(codes)) == 20
    assert all(re.fullmatch("([A-Z]{5}-){4}[A-Z]{5}", code) for code in codes)
    assert len(letters) == 23  # 500 letters leave none out
    assert not letters & set("IOU")
    assert 23**25 > 2**112


def test_each_code_is_taken_once_however_it_is_typed(ana: User) -> None:
    codes = make_recovery_codes(user=ana)
    ways = [codes[0], codes[1].lower(), codes[2].replace("-", ""), f" {codes[3]} "]
    ways.append(codes[4].replace("-", " "))
    for left, code in zip((9, 8, 7, 6, 5), ways, strict=True):
        factor = use_recovery_code(user=ana, code=code)
        assert factor is not None
        assert (factor.user, factors_of(ana).recovery_codes) == (ana, left)
        assert use_recovery_code(user=ana, code=code) is None
    assert factors_of(ana).recovery_codes == 5


@pytest.mark.parametrize("typed", ["", "ABCDE", "é" * 25, "0" * 8, "A" * 25, "A" * 100])
def test_anything_else_is_no_code(ana: User, typed: str) -> None:
    add_recovery_codes(ana)
    assert use_recovery_code(user=ana, code=typed) is None
    assert factors_of(ana).recovery_codes == 3


def test_the_code_of_another_is_no_code(ana: User) -> None:
    other: User = UserFactory()
    codes = add_recovery_codes(other)
    assert use_recovery_code(user=ana, code=codes[0]) is None
    assert factors_of(other).recovery_codes == 3


def test_new_codes_replace_the_earlier_ones(ana: User) -> None:
    before = make_recovery_codes(user=ana)
    make_recovery_codes(user=ana)
    assert use_recovery_code(user=ana, code=before[0]) is None
    assert factors_of(ana).recovery_codes == 10


def test_nobody_gets_codes_without_a_factor_that_they_stand_in_for() -> None:
    with pytest.raises(NoSecondFactor):
        make_recovery_codes(user=UserFactory())
    assert not Authenticator.objects.exists()


def test_codes_are_taken_after_a_change_of_the_secret_key(ana: User) -> None:
    codes = make_recovery_codes(user=ana)
    with override_settings(SECRET_KEY="n" * 40 + "0123456789", SECRET_KEY_FALLBACKS=[]):
        assert use_recovery_code(user=ana, code=codes[0])


@pytest.mark.django_db(transaction=True)
def test_of_many_requests_with_one_code_one_gets_it(ana: User) -> None:
    codes = make_recovery_codes(user=ana)

    def use(_n: int) -> bool:
        try:
            return use_recovery_code(user=ana, code=codes[0]) is not None
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(use, range(16))) == 1
    assert factors_of(ana).recovery_codes == 9


# ---- Codes of eight digits, from before ----


def with_old_codes(user: User, used: int) -> list[str]:
    """Gives the person ten codes by django-allauth, uses up so many, and returns all ten."""
    old = RecoveryCodes.activate(user)
    codes: list[str] = old.generate_codes()
    for code in codes[:used]:
        assert old.validate_code(code)
    return codes


def test_the_migration_hashes_the_codes_that_were_unused(ana: User) -> None:
    codes = with_old_codes(ana, used=8)
    new = add_recovery_codes(UserFactory())
    migration.hash_codes(apps, None)

    row = Authenticator.objects.get(user=ana, type="recovery_codes")
    assert set(row.data) == {"codes", "old_salt", "old_codes"}
    assert len(bytes.fromhex(row.data["old_salt"])) == 16
    assert not any(code in str(row.data) for code in codes)
    assert use_recovery_code(user=ana, code=codes[0]) is None, "used before"
    assert use_recovery_code(user=ana, code="12345678") is None
    assert use_recovery_code(user=ana, code=f"{codes[9][:4]} {codes[9][4:]}")
    assert use_recovery_code(user=ana, code=codes[9]) is None
    assert factors_of(ana).recovery_codes == 1
    other = Authenticator.objects.exclude(user=ana).get()
    assert len(other.data["codes"]) == len(new), "codes of now stay"


def test_a_lost_key_stops_the_migration_before_the_first_change(ana: User) -> None:
    with_old_codes(ana, used=0)
    with override_settings(SECRET_KEY="n" * 40 + "0123456789", SECRET_KEY_FALLBACKS=[]):
        with_old_codes(UserFactory(), used=0)
    before = list(Authenticator.objects.order_by("pk").values_list("data", flat=True))
    with pytest.raises(ValueError, match="of 1 people were encrypted"):
        migration.hash_codes(apps, None)
    assert list(Authenticator.objects.order_by("pk").values_list("data", flat=True)) == before


def test_migrating_back_forgets_codes_that_have_no_seed(ana: User) -> None:
    add_recovery_codes(ana)
    migration.forget_codes(apps, None)
    assert factors_of(ana).recovery_codes is None
    assert factors_of(ana).app

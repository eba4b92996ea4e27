"""Recovery codes: random, stored as digests, each taken once; and those of eight digits before."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from allauth.mfa.models import Authenticator
from django.db import connection
from django.test import override_settings

from accounts.exceptions import NoSecondFactor
from accounts.models import User
from accounts.sign_in.factors import factors_of
from accounts.sign_in.recovery_codes import make_recovery_codes, use_recovery_code
from tests.factories import UserFactory
from tests.sign_in import add_app, add_recovery_codes

pytestmark = pytest.mark.django_db


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

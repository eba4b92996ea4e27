"""Names cannot look like other names, neither in the sign-up form nor in the forms of staff."""

import pytest
from django.forms import ValidationError
from django.urls import reverse

from accounts.forms import NameField
from accounts.groups import OPERATIONS, PEOPLE_ADMIN
from accounts.models import Account, User
from tests.conftest import colleague, signed_in
from tests.factories import AccountFactory, UserFactory

POSING = (
    "\u0410na F\u0435rreira",  # Cyrillic letters among Latin letters
    "\ua4eena",  # Lisu
    "\U0001d400\U0001d427\U0001d41a",  # mathematical bold
    "\uff21na",  # full width
    "\u1d00\u0274\u1d00",  # small capitals
    "Ana\u1160",  # a filler of Hangul
    "A" + "\u0301" * 40 + "na",
    "A\u24dda",  # in a circle
    "Tom \u0421\u043e\u0440\u0435",  # a Cyrillic word that looks Latin, in a Latin name
    "\u03a4\u039f\u039c Lee",  # a Greek word that looks Latin
    "\u216dar\u217c",  # Roman numerals
    "\U000102a0na",  # Carian
    "\u01c0van\u13a0",  # Cherokee at the end
    "An\u200ca",  # joiners without letters to join
    "An\u200da",
    "Ana\ufe0f",  # a variation selector
    "A\u034fna",  # a joiner of letters
    "Ana\u2800",  # a blank of Braille
    "Ana\U0001d159",  # a musical symbol that shows nothing
    "Ana\u0378",  # unassigned
    "Ana\ue000",  # private
)
TRUE_NAMES = (
    "Ana Ferreira", "Zo\u00eb", "Nguy\u1ec5n Th\u1ecb", "M\u00aa Jos\u00e9",
    "\u0410\u043d\u043d\u0430",
    "\u7530\u4e2d", "\uff80\uff85\uff76",
    "\u05d3\u05b8\u05bc\u05d5\u05b4\u05d3", "\u0939\u093f\u0928\u094d\u0926\u0940",
    "\ud64d\uae38\ub3d9", "\u0e19\u0e49\u0e33", "IJsbrand \u0132", "\u7530\u4e2dKen",
    "\ud64d Kim", "O\u02bbahu", "Anna \u0418\u0432\u0430\u043d\u043e\u0432\u0430",
    "\u0646\u06cc\u200c\u06a9\u06cc", "Mal\u010di\u0107 \u01c6",
    "\u738b\U0002ebf0",  # a Chinese character of Unicode 15.1
)  # fmt: skip


@pytest.mark.parametrize("name", POSING)
def test_nobody_signs_up_with_a_name_that_poses_as_another(name: str) -> None:
    with pytest.raises(ValidationError):
        NameField().clean(name)


@pytest.mark.parametrize("sign", ["\u2065", "\ufff0", "\ufff8", "\U000e0080", "\U000e0fff"])
def test_a_name_loses_signs_that_are_reserved_as_invisible(sign: str) -> None:
    assert NameField().clean(f"Ana{sign} Ribeiro") == "Ana Ribeiro"


@pytest.mark.parametrize("name", TRUE_NAMES)
def test_names_of_every_alphabet_are_taken(name: str) -> None:
    assert NameField().clean(name) == name


@pytest.mark.django_db
@pytest.mark.parametrize("name", POSING)
def test_staff_give_nobody_and_no_account_such_a_name(name: str) -> None:
    customer: User = UserFactory(name="Cleo")
    helper, clerk = (signed_in(colleague(it, "Colleague")) for it in (PEOPLE_ADMIN, OPERATIONS))
    url = reverse("admin:accounts_user_change", args=[customer.pk])
    helper.post(url, {"name": name, "household": "", "reason": "x"})
    new = {"name": name, "email": "new@example.com", "reason": "x"}
    clerk.post(reverse("admin:accounts_user_add"), new)
    opened = {"user": str(customer.pk), "currency": "USD", "name": name, "reason": "x"}
    clerk.post(reverse("admin:accounts_account_add"), opened)

    customer.refresh_from_db()
    assert customer.name == "Cleo"
    assert not User.objects.filter(email="new@example.com").exists()
    assert not Account.objects.exists()


@pytest.mark.django_db
def test_staff_names_lose_invisible_characters_and_old_names_hinder_no_other_change() -> None:
    account: Account = AccountFactory(user__name=POSING[0], name=POSING[0])
    helper, clerk = (signed_in(colleague(it, "Colleague")) for it in (PEOPLE_ADMIN, OPERATIONS))
    url = reverse("admin:accounts_user_change", args=[account.user_id])
    same = {"name": account.user.name, "household": "", "reason": "x", "is_staff": "on"}
    helper.post(url, same)
    new = {"name": "\u202eAna  Lee", "email": "new@example.com", "reason": "x"}
    clerk.post(reverse("admin:accounts_user_add"), new)

    assert User.objects.get(pk=account.user_id).is_staff
    assert User.objects.get(email="new@example.com").name == "Ana Lee"

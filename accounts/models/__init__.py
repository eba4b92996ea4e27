"""Who holds money: people, their accounts, and who froze or closed one."""

from accounts.models.account import ACCOUNT_WORDS, Account, AccountQuerySet
from accounts.models.currency import Currency
from accounts.models.fields import EARLIEST, LATEST, MoneyField, times_finite
from accounts.models.status_change import StatusChange
from accounts.models.user import PERSON_WORDS, User, UserManager, UserQuerySet

__all__ = [
    "ACCOUNT_WORDS",
    "EARLIEST",
    "LATEST",
    "PERSON_WORDS",
    "Account",
    "AccountQuerySet",
    "Currency",
    "MoneyField",
    "StatusChange",
    "User",
    "UserManager",
    "UserQuerySet",
    "times_finite",
]

"""Models of people, of their accounts with status and limits, and of their sessions."""

from accounts.models.account import ACCOUNT_WORDS, LIMITS, SETTINGS, Account, AccountQuerySet
from accounts.models.admin_log import AdminLogEntry
from accounts.models.api_token import ApiToken, ApiTokenQuerySet
from accounts.models.approval import (
    ApprovalPayment,
    ApprovalRequest,
    ApprovalThreshold,
    StaffSum,
)
from accounts.models.attempt_count import AttemptCount
from accounts.models.change import Change
from accounts.models.currency import Currency
from accounts.models.fields import EARLIEST, LATEST, MoneyField, times_finite
from accounts.models.household import Household
from accounts.models.limit_change import LimitChange
from accounts.models.read import Read
from accounts.models.register import RegisteredRow, RowRemoval, RowRevision
from accounts.models.rights import GroupMembership, GroupPermission, PersonPermission, ProviderGroup
from accounts.models.session import WebSession
from accounts.models.sign_in import SignIn, SignInQuerySet
from accounts.models.status_change import StatusChange
from accounts.models.user import (
    NAME_TEXT,
    PERSON_WORDS,
    TIMES_OF_PEOPLE,
    User,
    UserManager,
    UserQuerySet,
)

__all__ = [
    "ACCOUNT_WORDS",
    "EARLIEST",
    "LATEST",
    "LIMITS",
    "NAME_TEXT",
    "PERSON_WORDS",
    "SETTINGS",
    "TIMES_OF_PEOPLE",
    "Account",
    "AccountQuerySet",
    "AdminLogEntry",
    "ApiToken",
    "ApiTokenQuerySet",
    "ApprovalPayment",
    "ApprovalRequest",
    "ApprovalThreshold",
    "AttemptCount",
    "Change",
    "Currency",
    "GroupMembership",
    "GroupPermission",
    "Household",
    "LimitChange",
    "MoneyField",
    "PersonPermission",
    "ProviderGroup",
    "Read",
    "RegisteredRow",
    "RowRemoval",
    "RowRevision",
    "SignIn",
    "SignInQuerySet",
    "StaffSum",
    "StatusChange",
    "User",
    "UserManager",
    "UserQuerySet",
    "WebSession",
    "times_finite",
]

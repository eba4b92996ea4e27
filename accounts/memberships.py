"""Puts people into groups; asks another person first where the database wants that.

See Note [Rights by two] in `accounts.models.rights_triggers`.
"""

import uuid

from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import Group
from django.db import transaction as db_transaction
from django.db.models import Q, QuerySet

from accounts import approvals
from accounts.exceptions import MayNotDecide, ProviderDecides
from accounts.groups import ANALYSTS, groups_given_by, groups_left_to
from accounts.models import ApprovalRequest, ProviderGroup, User
from accounts.refusal_counts import counts_refusals
from ledger.db.history.facts import set_reason
from ledger.db.retry import with_retry


def offered(giver: User, person: User) -> QuerySet[Group]:
    """The groups that the giver may give to the person or leave to them. What the identity provider
    decides for this person is no longer given here, because the next sign-in would take it away.
    """
    own = person.groups.values("pk")
    decided = _decided_by_provider(person).values("pk")
    return groups_left_to(giver, person).filter(Q(pk__in=own) | ~Q(pk__in=decided))


def _decided_by_provider(person: User) -> QuerySet[Group]:
    """The groups that the identity provider decides for this person; none for a stranger to it."""
    if not SocialAccount.objects.filter(user=person).exists():
        return Group.objects.none()
    return Group.objects.filter(name__in=ProviderGroup.objects.values("name"))


@counts_refusals
def give(person: User, group: Group) -> None:
    """Puts a person into a group, as part of the caller's database transaction.

    Raises, with nothing changed, NeedsApproval if another person has to approve it first, and
    ProviderDecides for what the provider decides: the database takes it for the provider's.
    """
    with approvals.translated(), db_transaction.atomic():
        person.groups.add(group)
        if _decided_by_provider(person).filter(pk=group.pk).exists():
            raise ProviderDecides(f"The identity provider decides who is in {group.name}.")


@counts_refusals
def ask_for(*, person: User, group: Group, reason: str, asked_by: User) -> ApprovalRequest:
    """Asks a manager to approve that this person gets a group. Raises as `approvals.ask` does."""
    return approvals.ask(
        kind=ApprovalRequest.Kind.GROUP,
        transaction_id=uuid.uuid5(person.pk, group.name),
        person=person,
        from_account=None,
        to_account=None,
        amount=approvals.NOTHING,
        currency="",
        parameters={"group": group.name},
        reason=reason,
        asked_by=asked_by,
    )


@counts_refusals
@with_retry
def give_approved(request: ApprovalRequest) -> User:
    """Gives the group of an approved request, and makes the person staff unless the group is that
    of the analysts. Raises NeedsApproval if it is not approved any more, MayNotDecide if who asked
    may not give the group any more.
    """
    with db_transaction.atomic(durable=True):
        person: User = User.objects.lock_active(request.person_id)
        group = groups_given_by(request.requested_by).filter(name=request.group).first()
        if group is None:
            raise MayNotDecide("Who asked may not give this group any more.")
        set_reason(request.reason_in_history)
        with approvals.translated():
            if group.name != ANALYSTS and not person.is_staff:
                person.is_staff = True
                person.save(update_fields=["is_staff"])
            give(person, group)
    return person

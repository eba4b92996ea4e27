"""Adds people to groups, or requests approval if the group needs two people: see Note [Rights by
two] in `accounts.models.rights_triggers`.
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
    """Returns the groups that the giver may choose for the person: the person's current groups, and
    the groups to which the giver may add people.

    Leaves out new groups that the identity provider assigns, because the person would lose these
    groups again at the next sign-in.
    """
    own = person.groups.values("pk")
    decided = _decided_by_provider(person).values("pk")
    return groups_left_to(giver, person).filter(Q(pk__in=own) | ~Q(pk__in=decided))


def _decided_by_provider(person: User) -> QuerySet[Group]:
    """Returns the groups for which the identity provider decides whether this person is a member.
    Returns no groups if the person does not sign in with the provider.
    """
    if not SocialAccount.objects.filter(user=person).exists():
        return Group.objects.none()
    return Group.objects.filter(name__in=ProviderGroup.objects.values("name"))


@counts_refusals
def give(person: User, group: Group) -> None:
    """Adds a person to a group, in the database transaction of the caller. If an error is raised,
    the person is not added.

    Raises: NeedsApproval if another person must approve the addition first; ProviderDecides if the
    identity provider decides about this person and group.
    """
    with approvals.translated(), db_transaction.atomic():
        person.groups.add(group)
        if _decided_by_provider(person).filter(pk=group.pk).exists():
            raise ProviderDecides(f"The identity provider decides who is in {group.name}.")


@counts_refusals
def ask_for(*, person: User, group: Group, reason: str, asked_by: User) -> ApprovalRequest:
    """Requests a manager's approval to add this person to a group, and returns the request.

    Raises: the errors of `approvals.ask`.
    """
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
    """Adds the person to the group of an approved request and returns the person. Also makes the
    person staff, unless the group is ANALYSTS.

    Raises: NeedsApproval if the request is no longer approved; MayNotDecide if the requester may no
    longer add people to the group.
    """
    with db_transaction.atomic(durable=True):
        person: User = User.objects.lock_active(request.person_id)
        group = groups_given_by(request.requested_by).filter(name=request.group).first()
        if group is None:
            raise MayNotDecide("The person who asked may no longer give this group.")
        set_reason(request.reason_in_history)
        with approvals.translated():
            if group.name != ANALYSTS and not person.is_staff:
                person.is_staff = True
                person.save(update_fields=["is_staff"])
            give(person, group)
    return person

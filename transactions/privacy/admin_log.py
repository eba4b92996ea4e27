"""Erases the names of a person and of the person's objects from the log of Django's admin."""

from collections.abc import Iterable
from uuid import UUID

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Q

from accounts.models import Household
from transactions.privacy.patterns import having
from transactions.privacy.personal_data import REGISTERED
from transactions.privacy.traces import REPR, Erased, Logged, Traces, emptied


def texts_of_the_log(traces: Traces) -> Erased:
    """Returns the entries of the admin log that contain names of the person or of the person's
    objects. The erasure replaces only the names, so the log still shows that staff changed an
    object.
    """
    about = Q()
    for field in ("object_repr", "change_message"):
        about |= Q(having(field, traces.addresses))
    for data in REGISTERED:
        for logged in data.logged(traces):
            about |= _entries(logged)
    return emptied(LogEntry.objects.filter(about), object_repr=REPR, change_message="")


def _entries(logged: Logged) -> Q:
    kind = ContentType.objects.get_for_model(logged.model)
    rows = logged.model._default_manager.filter(logged.which)
    if logged.patterns is None:
        ids = [str(pk) for pk in rows.values_list("pk", flat=True)]
        return Q(content_type=kind, object_id__in=ids)
    naming = LogEntry.objects.filter(
        Q(having("object_repr", logged.patterns)) | Q(having("change_message", logged.patterns)),
        content_type=kind,
    )
    by_object = naming.values_list("object_id", "pk")
    theirs = rows.filter(pk__in={id for id, _ in by_object}).values_list("pk", flat=True)
    named = {str(pk) for pk in theirs}
    return Q(pk__in=[pk for id, pk in by_object if id in named])


def erase_from_the_log_of_households(households: Iterable[UUID]) -> None:
    """Erases the names of these households from the admin log. The households must have no
    members.
    """
    kind = ContentType.objects.get_for_model(Household)
    about = LogEntry.objects.filter(content_type=kind, object_id__in=[str(pk) for pk in households])
    about.update(object_repr=REPR, change_message="")

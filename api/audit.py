"""`/api/v1/audit/`: the results of the audit, and the time up to which the ledger is sealed. For
staff.
"""

from typing import Any

from django.core.exceptions import PermissionDenied
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.caller import TokenScope
from api.fields import InstantField, row_of, rows_of
from api.paging import known_only
from api.views import ApiView
from transactions.audit.open_findings import counting_run, open_runs
from transactions.models import AuditRun, Seal

LAST_RUNS = 10


class CheckSerializer(serializers.Serializer[Any]):
    """A broken rule that the audit has found."""

    check = serializers.CharField()
    broken = serializers.IntegerField(
        allow_null=True, help_text="Number of rows that break it; null if they were not counted."
    )


class AuditRunSerializer(serializers.Serializer[AuditRun]):
    """A run of the audit."""

    id = serializers.UUIDField()
    started_at = InstantField()
    finished_at = InstantField()
    since = InstantField(
        allow_null=True, help_text="Only rows booked since then; null for all rows."
    )
    accounts = serializers.IntegerField(help_text="Number of checked accounts.")
    transactions = serializers.IntegerField(help_text="Number of checked transactions.")
    is_clean = serializers.BooleanField()
    findings = CheckSerializer(source="found", many=True)


class SealSerializer(serializers.Serializer[Seal]):
    """A sealed period."""

    number = serializers.IntegerField()
    starts_at = InstantField()
    ends_at = InstantField(help_text="End of the period, exclusive.")
    row_count = serializers.IntegerField()
    digest = serializers.CharField(source="hex_digest", help_text="SHA-256.")
    sealed_at = InstantField()


class AuditStateSerializer(serializers.Serializer[Any]):
    """The result of the audit and the state of the seals."""

    is_clean = serializers.BooleanField(allow_null=True, help_text="Null if nothing was audited.")
    counting = AuditRunSerializer(allow_null=True, help_text="The run with the current result.")
    open = AuditRunSerializer(many=True, help_text="Runs with findings that are still open.")
    last = AuditRunSerializer(many=True, help_text=f"The newest {LAST_RUNS}.")
    seals = serializers.IntegerField(allow_null=True, help_text="Null without the right.")
    last_seal = SealSerializer(allow_null=True)


class AuditState(ApiView):
    """The results of the audit, and the time up to which the ledger is sealed."""

    scopes = {"GET": TokenScope.STAFF}

    @extend_schema(operation_id="audit_state", responses=AuditStateSerializer)
    def get(self, request: Request) -> Response:
        """Returns the newest audit runs and the newest seal. Each run contains the broken rules,
        each with the number of rows that break the rule.
        """
        known_only(request)
        person = self.caller.person
        if not (person.is_staff and person.has_perm("transactions.view_auditrun")):
            raise PermissionDenied("You may not read the audit.")
        counting = counting_run()
        seal = None
        may_read_seals = person.has_perm("transactions.view_seal")
        if may_read_seals:
            seal = Seal.objects.order_by("-number").first()
        last = AuditRun.objects.all()[:LAST_RUNS]
        return Response(
            {
                "is_clean": counting.is_clean if counting else None,
                "counting": row_of(AuditRunSerializer, counting) if counting else None,
                "open": rows_of(AuditRunSerializer, open_runs()),
                "last": rows_of(AuditRunSerializer, last),
                "seals": (seal.number if seal else 0) if may_read_seals else None,
                "last_seal": row_of(SealSerializer, seal) if seal else None,
            }
        )

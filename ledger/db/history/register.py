"""The triggers that register the rows of append-only tables, with digests of their contents.

See Note [Register of rows] in `accounts.models.register`.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from django.db import models
from pgtrigger import After, Insert, Referencing, Statement, Trigger, Update

from ledger.db.triggers import CALLER, SESSION, FirmTrigger

ERASES = "ledger.erases"  # the setting with the reason why texts are emptied, for one transaction
BY_RULE = "By the rules of its table"
# How texts may be erased from a column, as SQL on {old} and {new}: emptied, or with some keys
# removed.
EMPTIED = "{new} IN ({old}, '')"
WITHOUT_KEYS = "({new} <@ {old} OR {new} IS NOT DISTINCT FROM {old})"


class ByRule(NamedTuple):
    """Columns that may change, and the SQL condition on OLD and NEW under which they may change."""

    columns: Collection[str]
    condition: str


class RegisterTrigger(FirmTrigger):
    """A trigger whose function contains the column names of its model. `undigested` contains the
    columns that no digest covers.
    """

    def __init__(self, *, undigested: Collection[str] = (), **kwargs: Any) -> None:
        super().__init__(definer=True, when=After, **kwargs)
        self.undigested = frozenset(undigested)


class _Registers(RegisterTrigger):
    def get_func(self, model: type[models.Model]) -> str:  # type: ignore[override]
        return f"""
            INSERT INTO row_register (table_name, row_id, registered_at, digest)
            SELECT TG_TABLE_NAME, {id_of(model, "added")}, clock_timestamp(),
                   {digest_of(model, "added")}
            FROM added
            ON CONFLICT DO NOTHING;
            RETURN NULL;
        """  # noqa: S608 - constants


class _Revises(RegisterTrigger):
    def __init__(self, erased: Mapping[str, str], by_rule: "ByRule | None", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.erased, self.by_rule = erased, by_rule

    def get_func(self, model: type[models.Model]) -> str:  # type: ignore[override]
        old_id = id_of(model, "OLD")
        erases = [_same(model, but=self.erased)]
        for column, sql in self.erased.items():
            erases.append(sql.format(old=f'OLD."{column}"', new=f'NEW."{column}"'))
        follows = (
            f"""IF {_same(model, but=self.by_rule.columns)} AND {self.by_rule.condition} THEN
                why := '{BY_RULE}';
            END IF;"""
            if self.by_rule
            else ""
        )
        return f"""
            IF ({" AND ".join(erases)}) IS NOT TRUE THEN
                why := '';
            END IF;
            {follows}
            INSERT INTO row_revisions
                (table_name, row_id, digest, reason, revised_at, role, session)
            SELECT TG_TABLE_NAME, {old_id}, {digest_of(model, "NEW")}, why, clock_timestamp(),
                   {CALLER}, {SESSION}
            WHERE why <> '' AND {digest_of(model, "OLD")} = {known_digest("TG_TABLE_NAME", old_id)};
            RETURN NULL;
        """


def registered(
    *,
    undigested: Collection[str] = (),
    erased: Mapping[str, str] | None = None,
    by_rule: ByRule | None = None,
) -> list[Trigger]:
    """Returns the triggers of an append-only table that record each new row in `row_register`, with
    a digest of all columns except generated and `undigested` ones.

    Two kinds of changes are recorded in `row_revisions`, so that the audit accepts them: changes of
    the columns `erased`, each under its SQL condition, while the setting ERASES contains the
    reason; and changes that `by_rule` allows. The audit reports any other change of a row.
    """
    triggers: list[Trigger] = [
        _Registers(
            name="row_is_registered",
            level=Statement,
            operation=Insert,
            referencing=Referencing(new="added"),  # type: ignore[no-untyped-call]
            undigested=undigested,
        )
    ]
    if erased or by_rule:
        triggers.append(
            _Revises(
                erased or {},
                by_rule,
                name="row_is_revised",
                operation=Update,
                declare=[("why", f"text := coalesce(current_setting('{ERASES}', true), '')")],
                undigested=undigested,
            )
        )
    return triggers


def id_of(model: type[models.Model], row: str) -> str:
    """Returns SQL for the id of a row, in the form that the register stores."""
    return f'{row}."{model._meta.pk.column}"::text'


def known_digest(table: str, row_id: str) -> str:
    """Returns SQL for the digest that a row should have: from its newest revision, or else from the
    register.
    """
    return f"""coalesce(
                (SELECT digest FROM row_revisions
                 WHERE table_name = {table} AND row_id = {row_id}
                 ORDER BY number DESC LIMIT 1),
                (SELECT digest FROM row_register
                 WHERE table_name = {table} AND row_id = {row_id}))"""  # noqa: S608 - constants


def is_registered(model: type[models.Model]) -> bool:
    """Returns whether the register records the rows of a model."""
    triggers = getattr(model._meta, "triggers", ())
    return any(isinstance(trigger, RegisterTrigger) for trigger in triggers)


def digested(model: type[models.Model]) -> Iterator["models.Field[Any, Any]"]:
    """Yields the fields that the digests of a table cover, ordered by column name."""
    triggers: list[Trigger] = model._meta.triggers  # type: ignore[attr-defined]
    undigested = {
        column
        for trigger in triggers
        if isinstance(trigger, RegisterTrigger)
        for column in trigger.undigested
    }
    for field in sorted(model._meta.concrete_fields, key=lambda each: str(each.column)):
        if not isinstance(field, models.GeneratedField) and field.column not in undigested:
            yield field


def digest_of(model: type[models.Model], row: str, without: Collection[str] = ()) -> str:
    """Returns SQL for the SHA-256 of a row's values as a JSON array in UTF-8. Times are in UTC, so
    no setting of the session changes the digest; `without` excludes columns, such as new ones.
    """
    values = ", ".join(
        f'{row}."{field.column}"' + " AT TIME ZONE 'UTC'" * isinstance(field, models.DateTimeField)
        for field in digested(model)
        if field.column not in without
    )
    return f"sha256(convert_to(json_build_array({values})::text, 'UTF8'))"


def _same(model: type[models.Model], *, but: Collection[str]) -> str:
    """Returns SQL that checks whether OLD and NEW are equal in all other digested columns."""
    columns = [field.column for field in digested(model) if field.column not in but]
    old, new = (", ".join(f'{row}."{name}"' for name in columns) for row in ("OLD", "NEW"))
    return f"ROW({old}) IS NOT DISTINCT FROM ROW({new})"

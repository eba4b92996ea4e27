"""Triggers that record a digest of each row of an append-only table: see Note [Register of rows] in
`accounts.models.register`.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, NamedTuple

from django.db import models
from pgtrigger import After, Insert, Referencing, Statement, Trigger, Update

from ledger.db.triggers import CALLER, SESSION, FirmTrigger

# A setting for one transaction; its value is the reason why texts are erased.
ERASES = "ledger.erases"
# A regular expression for the text of a UUID, for `about` of `registered`.
A_UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
BY_RULE = "By the rules of its table"
# How texts in a column may be erased, as a SQL condition on {old} and {new}. The text becomes
# empty, or some JSON keys are removed.
EMPTIED = "{new} IN ({old}, '')"
WITHOUT_KEYS = "({new} <@ {old} OR {new} IS NOT DISTINCT FROM {old})"


class ByRule(NamedTuple):
    """The columns that a rule allows to change, and the rule as a SQL condition on OLD and NEW."""

    columns: Collection[str]
    condition: str


class RegisterTrigger(FirmTrigger):
    """A trigger for the register of rows. Its function contains the column names of the model. The
    digest of a row does not include the columns in `undigested`.
    """

    def __init__(self, *, undigested: Collection[str] = (), **kwargs: Any) -> None:
        super().__init__(definer=True, when=After, **kwargs)
        self.undigested = frozenset(undigested)


class _Registers(RegisterTrigger):
    def __init__(self, about: Callable[[str], str] | None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.about = about

    def get_func(self, model: type[models.Model]) -> str:  # type: ignore[override]
        about = about_of(model, "added")
        column, value = (", about", f", {about}") if about else ("", "")
        return f"""
            INSERT INTO row_register (table_name, row_id, registered_at, digest{column})
            SELECT TG_TABLE_NAME, {id_of(model, "added")}, clock_timestamp(),
                   {digest_of(model, "added")}{value}
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
    about: Callable[[str], str] | None = None,
    undigested: Collection[str] = (),
    erased: Mapping[str, str] | None = None,
    by_rule: ByRule | None = None,
) -> list[Trigger]:
    """Returns the triggers that record each new row of an append-only table in `row_register`. The
    digest of a row does not include generated columns or the columns in `undigested`. `about` is a
    function that returns SQL for the id of a row's account. It is necessary if the first foreign
    key to accounts is not enough: see `about_of`.

    The triggers also record two kinds of changes in `row_revisions`:

    - a change of only columns in `erased`, if each change meets the SQL condition of its column,
      and the setting ERASES contains the reason
    - a change that `by_rule` allows

    The audit reports all other changes.
    """
    triggers: list[Trigger] = [
        _Registers(
            about=about,
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


def about_of(model: type[models.Model], row: str) -> str:
    """Returns SQL for the id that the register stores for a row: the id of the row's account. If
    the table does not refer to accounts, this is the id of the row's transaction. Returns "" if the
    table refers to neither. If the table was registered with `about`, returns the SQL of this
    function.
    """
    for trigger in getattr(model._meta, "triggers", ()):
        if isinstance(trigger, _Registers) and trigger.about:
            return trigger.about(row)
    return id_in("accounts", model, row) or id_in("transactions", model, row)


def id_in(table: str, model: type[models.Model], row: str) -> str:
    """Returns SQL for the id of the row in `table` to which `row` belongs. If `table` is the
    model's own table, this is the id of `row`. Otherwise it is the first foreign key to `table`
    that is not NULL. Returns "" if the model has no foreign key to `table`.
    """
    if model._meta.db_table == table:
        return f"{row}.id"
    keys = [
        f"{row}.{field.column}"
        for field in model._meta.concrete_fields
        if field.related_model and field.related_model._meta.db_table == table
    ]
    return f"coalesce({', '.join(keys)})" if len(keys) > 1 else "".join(keys)


def id_of(model: type[models.Model], row: str) -> str:
    """Returns SQL for the id of a row as text, as in the register."""
    return f'{row}."{model._meta.pk.column}"::text'


def known_digest(table: str, row_id: str) -> str:
    """Returns SQL for the digest that a row should have: the digest of its newest revision, or the
    digest in the register if the row has no revisions.
    """
    return f"""coalesce(
                (SELECT digest FROM row_revisions
                 WHERE table_name = {table} AND row_id = {row_id}
                 ORDER BY number DESC LIMIT 1),
                (SELECT digest FROM row_register
                 WHERE table_name = {table} AND row_id = {row_id}))"""  # noqa: S608 - constants


def is_registered(model: type[models.Model]) -> bool:
    """Returns whether the register contains the rows of this model."""
    triggers = getattr(model._meta, "triggers", ())
    return any(isinstance(trigger, RegisterTrigger) for trigger in triggers)


def digested(model: type[models.Model]) -> Iterator["models.Field[Any, Any]"]:
    """Yields the fields that the digest of a row covers, in the order of their column names."""
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
    """Returns SQL for the SHA-256 digest of a row, without the columns in `without`. The digest is
    computed from the row's values as a JSON array in UTF-8. Times are in UTC, because the digest
    must not depend on the session's settings.
    """
    values = ", ".join(
        f'{row}."{field.column}"' + " AT TIME ZONE 'UTC'" * isinstance(field, models.DateTimeField)
        for field in digested(model)
        if field.column not in without
    )
    return f"sha256(convert_to(json_build_array({values})::text, 'UTF8'))"


def _same(model: type[models.Model], *, but: Collection[str]) -> str:
    """Returns a SQL condition: OLD and NEW have the same values in all columns that the digest
    covers, except the columns in `but`.
    """
    columns = [field.column for field in digested(model) if field.column not in but]
    old, new = (", ".join(f'{row}."{name}"' for name in columns) for row in ("OLD", "NEW"))
    return f"ROW({old}) IS NOT DISTINCT FROM ROW({new})"

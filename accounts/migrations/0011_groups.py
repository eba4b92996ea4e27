"""Groups with one task each. `accounts.groups` has the table; `migrate` fills it in at its end.

Members of the old group `staff` also join `operations`. What they could do beyond it (limits,
currencies, names of people) they keep in the group `former staff`, until somebody takes them out
of it: so nobody loses a right unnoticed, and nobody may approve anything.
"""

import ledger.db.triggers
import pgtrigger.migrations
from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


OLD, FORMER, NEW = "staff", "former staff", "operations"


def move_staff(apps: Apps, _schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Puts the members of `staff` into `operations` too, and renames `staff`; removes it if it has
    no members.
    """
    groups = apps.get_model("auth", "Group").objects
    old = groups.filter(name=OLD).first()
    if old is None:
        return
    members = list(apps.get_model("accounts", "User").objects.filter(groups=old))
    if not members:
        old.delete()
        return
    operations, _ = groups.get_or_create(name=NEW)
    for person in members:
        person.groups.add(operations)
    old.name = FORMER
    old.save()


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0010_status_follows_changes"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="account",
            options={
                "permissions": [
                    ("change_status", "Can freeze, unfreeze and close accounts"),
                    ("change_limits", "Can change overdrafts and limits"),
                ]
            },
        ),
        migrations.AlterModelOptions(
            name="user",
            options={
                "permissions": [
                    ("view_contact_details", "Can see whole email addresses and account numbers"),
                    ("give_groups", "Can put people into groups"),
                ]
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="user",
            trigger=ledger.db.triggers.CompiledFirmTrigger(
                name="superuser_by_command",
                sql=ledger.db.triggers.FirmTriggerSql(
                    func="\n        IF NEW.is_superuser AND NOT (TG_OP = 'UPDATE' AND OLD.is_superuser) AND NOT pg_has_role(\n    current_user, (SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'MEMBER'\n) THEN\n            RAISE EXCEPTION 'Superusers are made by manage.py createsuperuser.' USING ERRCODE = 'check_violation', CONSTRAINT = 'superuser_by_command', TABLE = TG_TABLE_NAME;\n        END IF;\n        RETURN NEW;\n    ",
                    hash="ec728c98cbc9d4523c48abf60e84d78b1f30803e",
                    operation='INSERT OR UPDATE OF "is_superuser"',
                    pgid="pgtrigger_superuser_by_command_c7b25",
                    table="users",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.RunPython(move_staff, migrations.RunPython.noop),
    ]

"""Records the current groups in the history. Groups can be older than their history, because
Django's groups stay if the migrations of `accounts` are reversed and applied again.
"""

from django.db import migrations

GROUPS = """
INSERT INTO changes (id, changed_at, table_name, about, action, before, after,
    address, path, request, reason, role, session)
SELECT gen_random_uuid(), clock_timestamp(), 'auth_group', (one.id)::text,
'noted', NULL, jsonb_build_object('name', one.name), '', 'manage.py migrate',
(SELECT gen_random_uuid()::text),
    'The state from which the audit compares the history.',
current_user, pg_backend_pid()::text
FROM auth_group AS one
"""
PERMISSIONS = """
INSERT INTO changes (id, changed_at, table_name, about, action, before, after,
    address, path, request, reason, role, session)
SELECT gen_random_uuid(), clock_timestamp(), 'auth_group_permissions',
    (one.group_id)::text,
'noted', NULL, jsonb_build_object('permission', (SELECT app_label || '.' ||
    codename FROM auth_permission AS permission
        JOIN django_content_type AS type ON type.id = content_type_id
        WHERE permission.id = one.permission_id), 'permission_id',
            one.permission_id), '', 'manage.py migrate',
(SELECT gen_random_uuid()::text),
    'The state from which the audit compares the history.',
current_user, pg_backend_pid()::text
FROM auth_group_permissions AS one
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0007_register")]

    operations = [migrations.RunSQL([GROUPS, PERMISSIONS], migrations.RunSQL.noop)]

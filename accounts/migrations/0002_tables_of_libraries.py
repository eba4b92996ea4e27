"""Proxy models for tables of Django and allauth, with triggers. The models are in a separate
migration, because these tables refer to people.
"""

import django.contrib.admin.models
import django.contrib.auth.models
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_tables"),
        ("account", "0009_emailaddress_unique_primary_email"),
        ("admin", "0003_logentry_add_action_flag_choices"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("mfa", "0003_authenticator_type_uniq"),
        ("socialaccount", "0006_alter_socialaccount_extra_data"),
    ]

    operations = [
        migrations.CreateModel(
            name="AdminLogEntry",
            fields=[],
            options={"proxy": True, "default_permissions": ()},
            bases=("admin.logentry",),
            managers=[("objects", django.contrib.admin.models.LogEntryManager())],
        ),
        migrations.CreateModel(
            name="RecordedGroup",
            fields=[],
            options={"proxy": True, "default_permissions": ()},
            bases=("auth.group",),
            managers=[("objects", django.contrib.auth.models.GroupManager())],
        ),
        migrations.CreateModel(
            name="RecordedMembership",
            fields=[],
            options={"proxy": True, "default_permissions": ()},
            bases=("accounts.user_groups",),
        ),
        migrations.CreateModel(
            name="RecordedUserPermission",
            fields=[],
            options={"proxy": True, "default_permissions": ()},
            bases=("accounts.user_user_permissions",),
        ),
        migrations.CreateModel(
            name="RecordedGroupPermission",
            fields=[],
            options={"proxy": True, "default_permissions": ()},
            bases=("auth.group_permissions",),
        ),
        migrations.CreateModel(
            name="RecordedEmailAddress",
            fields=[],
            options={"proxy": True, "default_permissions": ()},
            bases=("account.emailaddress",),
        ),
        migrations.CreateModel(
            name="RecordedAuthenticator",
            fields=[],
            options={"proxy": True, "default_permissions": ()},
            bases=("mfa.authenticator",),
        ),
        migrations.CreateModel(
            name="RecordedSocialAccount",
            fields=[],
            options={"proxy": True, "default_permissions": ()},
            bases=("socialaccount.socialaccount",),
        ),
        migrations.CreateModel(
            name="GroupMembership",
            fields=[],
            options={"proxy": True, "default_permissions": ()},
            bases=("accounts.user_groups",),
        ),
        migrations.CreateModel(
            name="PersonPermission",
            fields=[],
            options={"proxy": True, "default_permissions": ()},
            bases=("accounts.user_user_permissions",),
        ),
        migrations.CreateModel(
            name="GroupPermission",
            fields=[],
            options={"proxy": True, "default_permissions": ()},
            bases=("auth.group_permissions",),
        ),
    ]

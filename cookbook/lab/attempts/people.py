"""Attempts to break the rules of people, their groups and their permissions."""

from cookbook.lab.attempts.attempt import FOREIGN_KEY, UNIQUE, Attempt, ValidRow

PERSON = ValidRow(
    "users",
    "a person",
    {
        "id": "gen_random_uuid()",
        "password": "'!'",
        "password_is_long": "false",
        "last_login": "NULL",
        "is_superuser": "false",
        "email": "'thief@example.com'",
        "name": "'A Thief'",
        "created_at": "clock_timestamp()",
        "deleted_at": "NULL",
        "is_staff": "false",
        "session_version": "0",
    },
    nullable=frozenset({"last_login", "deleted_at"}),
)
# The ids are explicit, because a rollback would not reset the sequence.
MEMBER = ValidRow(
    "users_groups",
    "a membership",
    {"id": "-1", "user_id": "person.id", "group_id": "colleagues.id"},
    ("person", "colleagues"),
)
RIGHT = ValidRow(
    "users_user_permissions",
    "a right",
    {"id": "-1", "user_id": "person.id", "permission_id": "right_to.id"},
    ("person", "right_to"),
)
ROWS = (PERSON, MEMBER, RIGHT)

ATTEMPTS: list[Attempt] = [
    PERSON.attempt(
        "user_email_lowercase",
        "Insert an email address in upper case",
        email="'ANA@example.com'",
    ),
    PERSON.attempt(
        "user_times_finite", "Insert a user with an infinite sign-up time", created_at="'-infinity'"
    ),
    PERSON.attempt(
        "users_email_key",
        "Insert a user with an email address that is taken",
        UNIQUE,
        email="'ana@example.com'",
    ),
    PERSON.but("person").attempt(
        "users_pkey", "Insert a user with an id that is taken", UNIQUE, id="person.id"
    ),
    PERSON.attempt(
        "users_session_version_check",
        "Insert a user whose sessions have a number below zero",
        session_version="-1",
    ),
    PERSON.attempt("superuser_by_command", "Insert a superuser", is_superuser="true"),
    *PERSON.left_out(),
    MEMBER.attempt(
        "users_groups_user_id_f500bee5_fk_users_id",
        "Add an unknown user to a group",
        FOREIGN_KEY,
        user_id="gen_random_uuid()",
    ),
    MEMBER.attempt(
        "users_groups_group_id_2f3517aa_fk_auth_group_id",
        "Add a user to an unknown group",
        FOREIGN_KEY,
        group_id="-1",
    ),
    Attempt(
        "users_groups",
        "users_groups_user_id_group_id_fc7788e8_uniq",
        "Add a user to the same group twice",
        "INSERT INTO users_groups (id, user_id, group_id)\n"
        "SELECT -1, user_id, group_id FROM users_groups LIMIT 1",
        UNIQUE,
    ),
    MEMBER.attempt(
        "users_groups_pkey",
        "Insert a membership with an id that is taken",
        UNIQUE,
        id="(SELECT min(id) FROM users_groups)",
    ),
    *MEMBER.left_out(),
    RIGHT.attempt(
        "users_user_permissions_user_id_92473840_fk_users_id",
        "Give a permission to an unknown user",
        FOREIGN_KEY,
        user_id="gen_random_uuid()",
    ),
    RIGHT.attempt(
        "users_user_permissio_permission_id_6d08dcd2_fk_auth_perm",
        "Give an unknown permission",
        FOREIGN_KEY,
        permission_id="-1",
    ),
    RIGHT.but("twice").attempt(
        "users_user_permissions_user_id_permission_id_3b86cbdf_uniq",
        "Give the same permission twice",
        UNIQUE,
        id="-generate_series",
    ),
    Attempt(
        "users_user_permissions",
        "users_user_permissions_pkey",
        "Insert a permission row with an id that is taken",
        "INSERT INTO users_user_permissions (id, user_id, permission_id)\n"
        "SELECT -1, users.id, (SELECT min(id) FROM auth_permission) FROM users LIMIT 2",
        UNIQUE,
    ),
    *RIGHT.left_out(),
]

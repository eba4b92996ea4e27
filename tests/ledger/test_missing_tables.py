"""A command on a database without tables, such as one without the settings of the site."""

from tests.ledger.processes import assert_one_sentence, manage, own_data_dir


def test_it_says_which_database_lacks_them() -> None:
    with own_data_dir() as data_dir:
        refused = manage(data_dir, "give_group", "mona@bank.example", "manager")
        assert_one_sentence(refused, str(data_dir), "manage.py migrate", "LEDGER_DATA_DIR")
        refused = manage(data_dir, "dumpdata")
        assert_one_sentence(refused, str(data_dir), "manage.py migrate", "LEDGER_DATA_DIR")

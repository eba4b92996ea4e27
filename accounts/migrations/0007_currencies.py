"""Currencies become rows, and rules about columns that payments do not write become triggers."""

import ledger.db.triggers
import pgtrigger.migrations
from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

# Code, name and minor units. Sources: ISO 4217:2015, list one (national currencies; funds and
# metals left out), and the English names of CLDR.
CURRENCIES = [
    ("AED", "United Arab Emirates Dirham", 2),
    ("AFN", "Afghan Afghani", 2),
    ("ALL", "Albanian Lek", 2),
    ("AMD", "Armenian Dram", 2),
    ("AOA", "Angolan Kwanza", 2),
    ("ARS", "Argentine Peso", 2),
    ("AUD", "Australian Dollar", 2),
    ("AWG", "Aruban Florin", 2),
    ("AZN", "Azerbaijani Manat", 2),
    ("BAM", "Bosnia-Herzegovina Convertible Mark", 2),
    ("BBD", "Barbadian Dollar", 2),
    ("BDT", "Bangladeshi Taka", 2),
    ("BHD", "Bahraini Dinar", 3),
    ("BIF", "Burundian Franc", 0),
    ("BMD", "Bermudan Dollar", 2),
    ("BND", "Brunei Dollar", 2),
    ("BOB", "Bolivian Boliviano", 2),
    ("BRL", "Brazilian Real", 2),
    ("BSD", "Bahamian Dollar", 2),
    ("BTN", "Bhutanese Ngultrum", 2),
    ("BWP", "Botswanan Pula", 2),
    ("BYN", "Belarusian Ruble", 2),
    ("BZD", "Belize Dollar", 2),
    ("CAD", "Canadian Dollar", 2),
    ("CDF", "Congolese Franc", 2),
    ("CHF", "Swiss Franc", 2),
    ("CLP", "Chilean Peso", 0),
    ("CNY", "Chinese Yuan", 2),
    ("COP", "Colombian Peso", 2),
    ("CRC", "Costa Rican Colón", 2),
    ("CUP", "Cuban Peso", 2),
    ("CVE", "Cape Verdean Escudo", 2),
    ("CZK", "Czech Koruna", 2),
    ("DJF", "Djiboutian Franc", 0),
    ("DKK", "Danish Krone", 2),
    ("DOP", "Dominican Peso", 2),
    ("DZD", "Algerian Dinar", 2),
    ("EGP", "Egyptian Pound", 2),
    ("ERN", "Eritrean Nakfa", 2),
    ("ETB", "Ethiopian Birr", 2),
    ("EUR", "Euro", 2),
    ("FJD", "Fijian Dollar", 2),
    ("FKP", "Falkland Islands Pound", 2),
    ("GBP", "British Pound", 2),
    ("GEL", "Georgian Lari", 2),
    ("GHS", "Ghanaian Cedi", 2),
    ("GIP", "Gibraltar Pound", 2),
    ("GMD", "Gambian Dalasi", 2),
    ("GNF", "Guinean Franc", 0),
    ("GTQ", "Guatemalan Quetzal", 2),
    ("GYD", "Guyanaese Dollar", 2),
    ("HKD", "Hong Kong Dollar", 2),
    ("HNL", "Honduran Lempira", 2),
    ("HTG", "Haitian Gourde", 2),
    ("HUF", "Hungarian Forint", 2),
    ("IDR", "Indonesian Rupiah", 2),
    ("ILS", "Israeli New Shekel", 2),
    ("INR", "Indian Rupee", 2),
    ("IQD", "Iraqi Dinar", 3),
    ("IRR", "Iranian Rial", 2),
    ("ISK", "Icelandic Króna", 0),
    ("JMD", "Jamaican Dollar", 2),
    ("JOD", "Jordanian Dinar", 3),
    ("JPY", "Japanese Yen", 0),
    ("KES", "Kenyan Shilling", 2),
    ("KGS", "Kyrgystani Som", 2),
    ("KHR", "Cambodian Riel", 2),
    ("KMF", "Comorian Franc", 0),
    ("KPW", "North Korean Won", 2),
    ("KRW", "South Korean Won", 0),
    ("KWD", "Kuwaiti Dinar", 3),
    ("KYD", "Cayman Islands Dollar", 2),
    ("KZT", "Kazakhstani Tenge", 2),
    ("LAK", "Laotian Kip", 2),
    ("LBP", "Lebanese Pound", 2),
    ("LKR", "Sri Lankan Rupee", 2),
    ("LRD", "Liberian Dollar", 2),
    ("LSL", "Lesotho Loti", 2),
    ("LYD", "Libyan Dinar", 3),
    ("MAD", "Moroccan Dirham", 2),
    ("MDL", "Moldovan Leu", 2),
    ("MGA", "Malagasy Ariary", 2),
    ("MKD", "Macedonian Denar", 2),
    ("MMK", "Myanmar Kyat", 2),
    ("MNT", "Mongolian Tugrik", 2),
    ("MOP", "Macanese Pataca", 2),
    ("MRU", "Mauritanian Ouguiya", 2),
    ("MUR", "Mauritian Rupee", 2),
    ("MVR", "Maldivian Rufiyaa", 2),
    ("MWK", "Malawian Kwacha", 2),
    ("MXN", "Mexican Peso", 2),
    ("MYR", "Malaysian Ringgit", 2),
    ("MZN", "Mozambican Metical", 2),
    ("NAD", "Namibian Dollar", 2),
    ("NGN", "Nigerian Naira", 2),
    ("NIO", "Nicaraguan Córdoba", 2),
    ("NOK", "Norwegian Krone", 2),
    ("NPR", "Nepalese Rupee", 2),
    ("NZD", "New Zealand Dollar", 2),
    ("OMR", "Omani Rial", 3),
    ("PAB", "Panamanian Balboa", 2),
    ("PEN", "Peruvian Sol", 2),
    ("PGK", "Papua New Guinean Kina", 2),
    ("PHP", "Philippine Peso", 2),
    ("PKR", "Pakistani Rupee", 2),
    ("PLN", "Polish Zloty", 2),
    ("PYG", "Paraguayan Guarani", 0),
    ("QAR", "Qatari Riyal", 2),
    ("RON", "Romanian Leu", 2),
    ("RSD", "Serbian Dinar", 2),
    ("RUB", "Russian Ruble", 2),
    ("RWF", "Rwandan Franc", 0),
    ("SAR", "Saudi Riyal", 2),
    ("SBD", "Solomon Islands Dollar", 2),
    ("SCR", "Seychellois Rupee", 2),
    ("SDG", "Sudanese Pound", 2),
    ("SEK", "Swedish Krona", 2),
    ("SGD", "Singapore Dollar", 2),
    ("SHP", "St. Helena Pound", 2),
    ("SLE", "Sierra Leonean Leone", 2),
    ("SOS", "Somali Shilling", 2),
    ("SRD", "Surinamese Dollar", 2),
    ("SSP", "South Sudanese Pound", 2),
    ("STN", "São Tomé & Príncipe Dobra", 2),
    ("SVC", "Salvadoran Colón", 2),
    ("SYP", "Syrian Pound", 2),
    ("SZL", "Swazi Lilangeni", 2),
    ("THB", "Thai Baht", 2),
    ("TJS", "Tajikistani Somoni", 2),
    ("TMT", "Turkmenistani Manat", 2),
    ("TND", "Tunisian Dinar", 3),
    ("TOP", "Tongan Pa\u02bbanga", 2),
    ("TRY", "Turkish Lira", 2),
    ("TTD", "Trinidad & Tobago Dollar", 2),
    ("TWD", "New Taiwan Dollar", 2),
    ("TZS", "Tanzanian Shilling", 2),
    ("UAH", "Ukrainian Hryvnia", 2),
    ("UGX", "Ugandan Shilling", 0),
    ("USD", "US Dollar", 2),
    ("UYU", "Uruguayan Peso", 2),
    ("UZS", "Uzbekistani Som", 2),
    ("VES", "Venezuelan Bolívar", 2),
    ("VND", "Vietnamese Dong", 0),
    ("VUV", "Vanuatu Vatu", 0),
    ("WST", "Samoan Tala", 2),
    ("XAF", "Central African CFA Franc", 0),
    ("XCD", "East Caribbean Dollar", 2),
    ("XOF", "West African CFA Franc", 0),
    ("XPF", "CFP Franc", 0),
    ("YER", "Yemeni Rial", 2),
    ("ZAR", "South African Rand", 2),
    ("ZMW", "Zambian Kwacha", 2),
    ("ZWG", "Zimbabwean Gold", 2),
]


def load(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Writes the currencies of ISO 4217."""
    model = apps.get_model("accounts", "Currency")
    model.objects.using(schema_editor.connection.alias).bulk_create(
        model(code=code, name=name, minor_units=units) for code, name, units in CURRENCIES
    )


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0006_plain_messages"),
    ]

    operations = [
        migrations.CreateModel(
            name="Currency",
            fields=[
                (
                    "code",
                    models.CharField(
                        help_text="Three letters, like EUR.",
                        max_length=3,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("name", models.CharField(max_length=60)),
                (
                    "minor_units",
                    models.SmallIntegerField(
                        default=2,
                        help_text="Decimal places of an amount: JPY 0, USD 2, KWD 3.",
                        verbose_name="decimals",
                    ),
                ),
                (
                    "is_open",
                    models.BooleanField(
                        default=True,
                        help_text="Accounts can be opened in this currency.",
                        verbose_name="open",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "currencies",
                "db_table": "currencies",
                "db_table_comment": "What accounts can be opened in, with the decimals of amounts",
                "ordering": ["code"],
            },
        ),
        migrations.AddConstraint(
            model_name="currency",
            constraint=models.CheckConstraint(
                condition=models.Q(("code__regex", "^[A-Z]{3}$")),
                name="currency_code_valid",
                violation_error_message="A currency code is three capital letters, like EUR.",
            ),
        ),
        migrations.AddConstraint(
            model_name="currency",
            constraint=models.CheckConstraint(
                condition=models.Q(("name", ""), _negated=True),
                name="currency_name_given",
                violation_error_message="A currency has a name.",
            ),
        ),
        migrations.AddConstraint(
            model_name="currency",
            constraint=models.CheckConstraint(
                condition=models.Q(("minor_units__gte", 0), ("minor_units__lte", 4)),
                name="currency_minor_units_valid",
                violation_error_message="Amounts have 0 to 4 decimals.",
            ),
        ),
        migrations.AddConstraint(
            model_name="currency",
            constraint=models.UniqueConstraint(
                fields=("code", "minor_units"), name="currency_minor_units_unique"
            ),
        ),
        migrations.RunPython(load, migrations.RunPython.noop),
        pgtrigger.migrations.RemoveTrigger(
            model_name="account",
            name="balance_follows_rows",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="account",
            name="closed_account_stays_closed",
        ),
        migrations.RemoveConstraint(
            model_name="account",
            name="account_times_finite",
        ),
        migrations.RemoveConstraint(
            model_name="account",
            name="account_status_valid",
        ),
        migrations.RemoveConstraint(
            model_name="account",
            name="account_currency_valid",
        ),
        migrations.AddField(
            model_name="account",
            name="minor_units",
            field=models.SmallIntegerField(null=True),
        ),
        migrations.RunSQL(
            sql="""
                UPDATE accounts SET minor_units = currencies.minor_units
                FROM currencies WHERE code = currency
            """,
            reverse_sql=migrations.RunSQL.noop,
        ),
        migrations.AlterField(
            model_name="account",
            name="minor_units",
            field=models.SmallIntegerField(
                blank=True, db_comment="Of the currency; filled in by a trigger", editable=False
            ),
        ),
        # Both columns, so that the minor units of a currency with accounts never change.
        migrations.RunSQL(
            sql="""
                ALTER TABLE accounts ADD CONSTRAINT account_currency_exists
                FOREIGN KEY (currency, minor_units) REFERENCES currencies (code, minor_units)
            """,
            reverse_sql="ALTER TABLE accounts DROP CONSTRAINT account_currency_exists",
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="account",
            trigger=ledger.db.triggers.CompiledFirmTrigger(
                name="account_currency_valid",
                sql=ledger.db.triggers.DefinerTriggerSql(
                    func="\n            SELECT minor_units INTO NEW.minor_units\n            FROM currencies WHERE code = NEW.currency AND (is_open OR TG_OP = 'UPDATE');\n            IF NOT FOUND AND NEW.currency IS NOT NULL THEN\n                RAISE EXCEPTION 'Accounts can be opened in currencies that are in the list and open.' USING ERRCODE = 'check_violation', CONSTRAINT = 'account_currency_valid', TABLE = TG_TABLE_NAME;\n            END IF;\n            RETURN NEW;\n        ",
                    hash="7b61e4c944dc6c9e64bc21649a71da1fba0a5820",
                    operation='INSERT OR UPDATE OF "currency"',
                    pgid="pgtrigger_account_currency_valid_b150e",
                    table="accounts",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="account",
            trigger=ledger.db.triggers.CompiledFirmTrigger(
                name="account_status_valid",
                sql=ledger.db.triggers.FirmTriggerSql(
                    condition="WHEN (NEW.status NOT IN ('active', 'frozen', 'closed'))",
                    func="RAISE EXCEPTION 'A status is active, frozen or closed.' USING ERRCODE = 'check_violation', CONSTRAINT = 'account_status_valid', TABLE = TG_TABLE_NAME;",
                    hash="b67a2c305a03378ab9674021ed20ca64190c86f0",
                    operation='INSERT OR UPDATE OF "status"',
                    pgid="pgtrigger_account_status_valid_ef570",
                    table="accounts",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="account",
            trigger=ledger.db.triggers.CompiledFirmTrigger(
                name="account_times_finite",
                sql=ledger.db.triggers.FirmTriggerSql(
                    condition="WHEN (NOT (coalesce(NEW.created_at >= '1900-01-01 00:00:00+00:00' AND NEW.created_at < '9999-01-01 00:00:00+00:00', true) AND coalesce(NEW.closed_at >= '1900-01-01 00:00:00+00:00' AND NEW.closed_at < '9999-01-01 00:00:00+00:00', true)))",
                    func="RAISE EXCEPTION 'A time lies between 1900 and 9999.' USING ERRCODE = 'check_violation', CONSTRAINT = 'account_times_finite', TABLE = TG_TABLE_NAME;",
                    hash="1f88b61980e84c5990278a21060885b1959e4b59",
                    operation='INSERT OR UPDATE OF "created_at", "closed_at"',
                    pgid="pgtrigger_account_times_finite_778cb",
                    table="accounts",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="account",
            trigger=ledger.db.triggers.CompiledFirmTrigger(
                name="balance_follows_rows",
                sql=ledger.db.triggers.FirmTriggerSql(
                    condition="WHEN (pg_trigger_depth() = 0)",
                    func="\n            IF (OLD.balance, OLD.held, OLD.last_entry_at)\n               IS DISTINCT FROM (NEW.balance, NEW.held, NEW.last_entry_at)\n            THEN\n                RAISE EXCEPTION 'Only posted transactions change a balance.' USING ERRCODE = 'check_violation', CONSTRAINT = 'balance_follows_rows', TABLE = TG_TABLE_NAME;\n            END IF;\n            RETURN NEW;\n        ",
                    hash="c79eff52cd26db49f4947711c9a2a1635e8bae44",
                    operation='UPDATE OF "balance", "held", "last_entry_at"',
                    pgid="pgtrigger_balance_follows_rows_9faac",
                    table="accounts",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="account",
            trigger=ledger.db.triggers.CompiledFirmTrigger(
                name="closed_account_stays_closed",
                sql=ledger.db.triggers.FirmTriggerSql(
                    condition="WHEN (OLD.status = 'closed' AND (OLD.user_id, OLD.number, OLD.currency, OLD.name, OLD.status, OLD.overdraft_limit, OLD.transfer_limit, OLD.daily_limit, OLD.closed_at) IS DISTINCT FROM (NEW.user_id, NEW.number, NEW.currency, NEW.name, NEW.status, NEW.overdraft_limit, NEW.transfer_limit, NEW.daily_limit, NEW.closed_at))",
                    func="RAISE EXCEPTION 'A closed account never changes.' USING ERRCODE = 'check_violation', CONSTRAINT = 'closed_account_stays_closed', TABLE = TG_TABLE_NAME;",
                    hash="92c7fa3640966579f9d0c0b0bbfdf7eb8c9ef10e",
                    operation='UPDATE OF "user_id", "number", "currency", "name", "status", "overdraft_limit", "transfer_limit", "daily_limit", "closed_at"',
                    pgid="pgtrigger_closed_account_stays_closed_f956b",
                    table="accounts",
                    when="BEFORE",
                ),
            ),
        ),
    ]

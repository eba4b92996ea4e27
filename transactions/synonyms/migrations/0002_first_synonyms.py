"""Creates the first synonyms. Staff can change these synonyms in the admin."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

# Name; words; categories with commas; merchant codes. Source of the codes: ISO 18245.
SYNONYMS = [
    ("Books", "book books bookshop bookstore", "", "5192 5942"),
    ("Car repair", "garage mechanic repair repairs tyres", "", "5532 5533 7531 7534 7538"),
    ("Cash", "atm cash cashpoint", "cash", "6010 6011"),
    ("Cinema and theatre", "cinema concert film movie movies theatre theater", "", "7832 7922"),
    ("Clothes", "clothes clothing fashion shoes", "", "5611 5621 5641 5651 5661 5691 5699"),
    ("Doctor", "dentist doctor hospital medical", "", "8011 8021 8062 8099"),
    ("Electronics", "computer electronics laptop", "", "5045 5732 5734"),
    ("Flight", "airline airport flight flights plane", "", "4511 4582"),
    ("Fuel", "diesel fuel gasoline petrol", "", "5541 5542"),
    ("Furniture", "furniture", "", "5712"),
    ("Gym", "fitness gym sport sports", "", "7941 7997"),
    ("Hairdresser", "barber haircut hairdresser", "", "7230"),
    ("Hotel", "hostel hotel hotels", "", "7011"),
    ("Insurance", "insurance", "insurance", "6300"),
    ("Music and films", "music streaming", "", "5735 5815"),
    ("Newspaper", "magazine magazines news newspaper", "", "5968 5994"),
    ("Parking", "parking", "", "7523"),
    ("Pharmacy", "chemist drugstore medicine pharmacy", "", "5912"),
    (
        "Public transport",
        "bus metro railway subway train trains tram underground",
        "",
        "4011 4111 4112 4131",
    ),
    (
        "Restaurant",
        "bar breakfast brunch cafe coffee dinner eating food lunch pub restaurant takeaway",
        "dining, eating out, restaurant",
        "5811 5812 5813 5814",
    ),
    ("Salary", "payroll salary wage wages", "salary", ""),
    ("Sights", "museum sights zoo", "", "7991 7998"),
    ("Supermarket", "food groceries grocery supermarket", "groceries", "5411 5422 5451 5462 5499"),
    ("Taxi", "cab taxi taxis", "", "4121"),
    ("Telephone", "broadband internet mobile phone telephone", "", "4812 4814 4816"),
    ("Television", "television tv", "", "4899"),
    ("Travel", "holiday travel trip vacation", "travel", "4722"),
    ("Utilities", "electricity energy heating power utilities water", "utilities", "4900"),
]


def add(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    synonyms = apps.get_model("synonyms", "Synonym").objects.using(schema_editor.connection.alias)
    synonyms.bulk_create(
        synonyms.model(
            name=name,
            words=words.split(),
            categories=categories.split(", ") if categories else [],
            merchant_codes=codes.split(),
        )
        for name, words, categories, codes in SYNONYMS
    )


class Migration(migrations.Migration):
    dependencies = [("synonyms", "0001_tables")]

    operations = [migrations.RunPython(add, migrations.RunPython.noop)]

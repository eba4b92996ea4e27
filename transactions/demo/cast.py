"""The people of the demo that have fixed names. All other people get random names."""
# ruff: noqa: RUF001  names as their owners write them; readable lists

from dataclasses import dataclass

from transactions.demo.places import BERLIN, BRISTOL, KUWAIT, KYOTO, PROVIDENCE, Town


@dataclass(frozen=True, slots=True)
class Role:
    """A person of the demo. Amounts are in whole units of the currency of the person's town."""

    name: str
    kind: str = "customer"  # customer, company, landlord, shop, newcomer, analyst or staff
    place: Town = PROVIDENCE
    employer: str = ""
    landlord: str = ""
    salary: int = 0
    rent: int = 0
    pay_day: int = 25
    activity: int = 45  # how often this person pays for something, in percent
    story: str = ""
    email: str = ""


NORTHWIND = "Northwind Ltd"
LINDT = "Mara Lindt"
AETHERWERK = "Ätherwerk GmbH"
HOUSING = "Gemeinnützige Wohnungsbaugenossenschaft Sonnenallee-Nord eG"
LETTINGS = "Quayside Lettings"

ROLES = (
    Role("Ana Ferreira", employer=NORTHWIND, landlord=LINDT, salary=3480, rent=950,
         activity=95, story="ana", email="ana@example.com"),
    Role("Nadia Haddad", "analyst", email="analyst@example.com"),
    Role("Samuel Okonkwo", "staff", email="staff@example.com"),
    Role(NORTHWIND, "company", email="northwind@example.com"),
    Role(LINDT, "landlord", activity=35, story="householder"),
    Role("Jonas Weber", employer=NORTHWIND, landlord=LINDT, salary=3910, rent=1120, activity=55),
    Role("Halima's Kitchen", "shop", email="halimas.kitchen@example.com"),
    Role("Misaki Satō", place=KYOTO, employer="Tanuki Animation", landlord="Higashiyama Heights",
         salary=318_000, rent=74_000, activity=60),
    Role("Yousef Al-Mutairi", place=KUWAIT, employer="Gulf Lantern Engineering",
         landlord="Salmiya Towers", salary=1_240, rent=360, activity=55),
    Role("Leïla Benslimane", employer="Elmgrove School", landlord=LINDT, salary=2460, rent=1040,
         activity=60, story="overdraft"),
    Role("Piotr Wiśniewski", place=BERLIN, employer=AETHERWERK, landlord=HOUSING, salary=3120,
         rent=780, story="frozen"),
    Role("Siân Llewellyn-Hughes", place=BRISTOL, employer="Cabot Street Library",
         landlord=LETTINGS, salary=2340, rent=720, story="closed"),
    Role("Tove Østergaard", "newcomer", BERLIN),
    Role("Maria Aparecida dos Santos Albuquerque de Vasconcelos e Silva", employer=NORTHWIND,
         landlord=LINDT, salary=4150, rent=1240, email="maria.aparecida@example.com"),
    Role(AETHERWERK, "company", BERLIN, email="aetherwerk@example.com"),
    Role(HOUSING, "landlord", BERLIN, email="sonnenallee.nord@example.com"),
    Role("Çağla Yıldız", place=BERLIN, employer=AETHERWERK, landlord=HOUSING, salary=3640,
         rent=860),
    Role("Nguyễn Thị Minh Châu", employer=NORTHWIND, landlord="Fox Point Homes", salary=3720,
         rent=1010),
    Role("Zoë Papadopoulou", place=BERLIN, employer=AETHERWERK, landlord=HOUSING, salary=3380,
         rent=740),
    Role("Seán Ó Briain", place=BRISTOL, employer="Severnside Theatre", landlord=LETTINGS,
         salary=2210, rent=690),
    Role("Håkon Bjørnstad", place=BERLIN, employer="Fjordlyd Studio", landlord=HOUSING,
         salary=2980, rent=710),
    Role("Adaeze Nwosu", place=BRISTOL, employer="Redland Hospital Trust", landlord=LETTINGS,
         salary=2890, rent=840, activity=40),
    Role("Íñigo Etxeberria Núñez", place=BERLIN, employer=AETHERWERK, landlord=HOUSING,
         salary=4020, rent=980, activity=40),
    Role("Tariq Rahman", employer="Ocean State Teachers' Pension", landlord="Fox Point Homes",
         salary=2150, rent=620, activity=35, story="pension"),
)  # fmt: skip

FIRST_NAMES = (
    "Aïcha Amélie Anders Anjali Bogdan Björn Camille Chidi Chloé Daniela Dmytro Elif Emre Esra "
    "Eszter Fatima Félix Fiona Gábor Giulia Greta Gustavo Hana Hiroshi Ilse Imani Inês İpek Jana "
    "Jürgen João Józef Kaito Katarzyna Kofi Laszlo Lena Łukasz Lucía Maël Malik Marta Mehmet "
    "Mikołaj Mónica Nia Niamh Nils Noor Olga Óscar Paweł Petra Quang Rafael Renée Ruth Sanjay "
    "Šárka Sofía Søren Stéphane Tadeáš Thảo Tomás Uche Václav Vera Wanjiru Ximena Yara Željko"
).split()
LAST_NAMES = (
    "Adeyemi Aguilar Åkesson Andersen Bąk Bernard Błaszczyk Brânză Castaño Černý Chukwu Costa "
    "D'Angelo Demir Đorđević Dupré Eriksen Fernández Fischer Gonçalves Grönholm Gutiérrez Hansen "
    "Håland Horváth Ibrahim Ivanova Jørgensen Kaya Kim Kovács Kowalczyk Köhler Lefèvre Lim "
    "Magalhães Mbeki Moreau Müller Nagy Ní-Bhriain Novák Nyström Oduya O'Leary Okafor Öztürk Park "
    "Peña Petrović Phạm Popescu Quispe Reyes Rossi Ryan Şahin Sánchez Schäfer Silva Søndergaard "
    "Strömberg Szabó Tanaka Thomsen Trần Ünal Václavík Vasquez Weiß Wójcik Yamamoto Żak Zając"
).split()
COMPANY_WORDS = (
    "Alder Beacon Cobalt Driftwood Ember Foxglove Granite Heron Ivory Juniper Kestrel Lantern "
    "Marble Nettle Osprey Pebble Quarry Rowan Saffron Thistle Umber Verdant Willow Yarrow Zephyr"
).split()
COMPANY_TRADES = "Systems Foods Logistics Studio Labs Works Printing Robotics Gardens".split()
# These people come last and use no random numbers, so that the data of the other people stays the
# same.
COLLEAGUES = (
    Role("Ingrid Solheim", "staff", BERLIN, email="manager@example.com"),
    Role("Matteo Ricci", "staff", BERLIN, email="manager2@example.com"),
    Role("Edith Brandt", "staff", BERLIN, email="auditor@example.com"),
    Role("Pia Lindqvist", "staff", BERLIN, email="people@example.com"),
    Role("Sefa Tuala", "staff", BERLIN, email="support@example.com"),
)
RANDOM_PLACES = (PROVIDENCE, PROVIDENCE, PROVIDENCE, BERLIN, BERLIN, BRISTOL, KYOTO, KUWAIT)
FORMS = {"USD": "Inc", "EUR": "GmbH", "GBP": "Ltd", "JPY": "K.K.", "KWD": "W.L.L."}

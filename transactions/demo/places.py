"""The places where people of the demo live: currency, city, shops (all invented) and prices."""

import random
from dataclasses import dataclass, field
from decimal import Decimal

from ledger.text.currencies import minor_units


@dataclass(frozen=True, slots=True)
class ShopKind:
    """A kind of purchase. The lowest and the highest price are in US cents. Prices in every
    currency are multiples of `grain` minor units. In a currency with more than two decimals, they
    are multiples of `grain` hundredths.
    """

    category: str
    mcc: str
    low: int
    high: int
    grain: int = 1


KINDS = {
    "groceries": ShopKind("groceries", "5411", 480, 9600),
    "coffee": ShopKind("restaurant", "5814", 320, 920, 10),
    "lunch": ShopKind("restaurant", "5812", 980, 2200, 25),
    "dinner": ShopKind("restaurant", "5812", 2600, 11800, 10),
    "metro": ShopKind("transport", "4111", 240, 240, 10),
    "taxi": ShopKind("transport", "4121", 880, 4200, 10),
    "books": ShopKind("shopping", "5942", 900, 5400, 5),
    "clothes": ShopKind("shopping", "5651", 1900, 18900, 10),
    "home": ShopKind("shopping", "5712", 1200, 24000, 10),
    "devices": ShopKind("shopping", "5732", 2900, 62000, 100),
    "pharmacy": ShopKind("health", "5912", 450, 4800),
    "doctor": ShopKind("health", "8011", 2500, 14000, 500),
    "cash": ShopKind("cash", "6011", 2000, 16000, 2000),
    "hotel": ShopKind("travel", "7011", 8200, 14500, 50),
    "sights": ShopKind("travel", "7991", 800, 2600, 50),
    "flight": ShopKind("travel", "4511", 38000, 64000),
    "utilities": ShopKind("utilities", "4900", 5200, 12800),
    "insurance": ShopKind("insurance", "6300", 4200, 9800, 10),
}

# Paid on a fixed day of the month. All places have the same names.
SUBSCRIPTIONS = (
    ("Fernlight TV", "4899", 1299),
    ("Tidepool Music", "5815", 999),
    ("Paperlark News", "5968", 850),
    ("Cloudshelf", "5734", 299),
    ("Oak & Iron Gym", "7997", 3900),
    ("Plainspoken Mobile", "4814", 2500),
    ("Kettlebird Meal Box", "5499", 4480),
)


@dataclass(frozen=True, slots=True)
class Town:
    """A city with its currency and shops. `per_dollar` is the value of one US dollar in minor units
    of the city's currency.
    """

    city: str
    country: str
    currency: str
    per_dollar: int
    shops: dict[str, tuple[str, ...]]
    weekend: frozenset[int] = field(default=frozenset({5, 6}))

    def amount(self, cents: int, grain: int = 1) -> Decimal:
        """Converts US cents to the currency of the town, and rounds the amount down to a multiple
        of `grain` (see ShopKind), but not to zero.
        """
        units = minor_units(self.currency)
        grain *= 10 ** max(0, units - 2)
        minor = max(1, cents * self.per_dollar // 100 // grain) * grain
        return Decimal(minor).scaleb(-units)

    def price(self, rng: random.Random, kind: str) -> Decimal:
        """Returns a random price for a purchase of this kind. Most prices are low, and some are
        high.
        """
        what = KINDS[kind]
        span = what.high - what.low
        return self.amount(
            what.low + span * rng.randrange(1000) * rng.randrange(1000) // 10**6, what.grain
        )


PROVIDENCE = Town(
    "Providence", "US", "USD", 100,
    {
        "groceries": ("Corner Shop", "Green Basket", "Wickenden Market", "Farm & Fennel"),
        "coffee": ("Café Açaí", "Second Cup of Joan", "The Brass Kettle"),
        "lunch": ("Noodle Yard", "Soup & Sons", "Halima's Kitchen"),
        "dinner": ("Tasca do Mar", "Halima's Kitchen", "Blue Gate Grill", "Trattoria Nonna Pia"),
        "metro": ("Metro Transit",),
        "taxi": ("Yellowbird Cabs",),
        "books": ("Book Nook", "Ampersand Books"),
        "clothes": ("Thread & Thimble", "Northlight Outfitters"),
        "home": ("Maple & Main", "Tallow Home Goods"),
        "devices": ("Circuit Row",),
        "pharmacy": ("Hope Street Pharmacy",),
        "doctor": ("Elmgrove Dental", "Fox Point Family Health"),
        "cash": ("ATM Thayer Street", "ATM Union Station"),
        "utilities": ("Bright Street Energy", "Seekonk Water"),
        "insurance": ("Harbor Mutual Insurance",),
        "flight": ("Gaivota Air",),
    },
)  # fmt: skip
LISBON = Town(
    "Lisboa", "PT", "EUR", 92,
    {
        "groceries": ("Mercearia da Graça",),
        "coffee": ("Pastelaria Estrela d'Alva", "Café do Elétrico"),
        "lunch": ("Tasquinha da Avó", "O Polvo Feliz"),
        "dinner": ("Casa da Açorda", "Taberna Sete Colinas", "O Polvo Feliz"),
        "metro": ("Elétricos da Cidade",),
        "taxi": ("Táxis Alfama",),
        "books": ("Livraria Maré Cheia",),
        "hotel": ("Hotel Aurora",),
        "sights": ("Museu dos Azulejos Azuis", "Miradouro Boat Tours"),
    },
)  # fmt: skip
BERLIN = Town(
    "Berlin", "DE", "EUR", 92,
    {
        "groceries": ("Kiezmarkt Sonne", "Frischhof", "Bioladen Löwenzahn"),
        "coffee": ("Bäckerei Kürbiskern", "Café Zweistein"),
        "lunch": ("Mensa am Kanal", "Falafel Zeytin"),
        "dinner": ("Gasthaus Zur Alten Mühle", "Pizzeria Zù", "Oststern Ramen"),
        "metro": ("Stadtbahn Mitte",),
        "taxi": ("Funkwagen Taxi",),
        "books": ("Buchhandlung Federkiel",),
        "clothes": ("Nadel und Faden", "Kleiderkammer Süd"),
        "home": ("Möbelhof Wiese",),
        "devices": ("Technikstube",),
        "pharmacy": ("Apotheke am Grünen Eck",),
        "doctor": ("Zahnärzte Grünberg",),
        "cash": ("Geldautomat Hermannplatz",),
        "utilities": ("Spreestrom Energie", "Wasserwerk Mitte"),
        "insurance": ("Bärenfels Versicherung",),
    },
)  # fmt: skip
BRISTOL = Town(
    "Bristol", "GB", "GBP", 79,
    {
        "groceries": ("Harbourside Grocers", "Pennywell Foods", "The Apple Cart"),
        "coffee": ("Crumb & Kettle", "Hare and Hound Coffee"),
        "lunch": ("The Pasty Hatch", "Bao Lane"),
        "dinner": ("The Crooked Heron", "Saffron & Slate"),
        "metro": ("Avonside Buses",),
        "taxi": ("Severn Cars",),
        "books": ("Foxglove Books",),
        "clothes": ("Wool & Weather",),
        "home": ("Tinker's Yard",),
        "devices": ("Wire & Socket",),
        "pharmacy": ("Clifton Green Chemist",),
        "doctor": ("Redland Eye Clinic",),
        "cash": ("Cashpoint Park Row",),
        "utilities": ("Westerly Power", "Mendip Springs Water"),
        "insurance": ("Old Quay Insurance",),
    },
)  # fmt: skip
KYOTO = Town(
    "Kyōto", "JP", "JPY", 148,
    {
        "groceries": ("Kamogawa Store", "八百屋みどり", "Nishiki Corner"),
        "coffee": ("Kissa Tsubaki", "Matcha Stand Ren"),
        "lunch": ("Udon Hanamichi", "おにぎり小町"),
        "dinner": ("Izakaya Yoidore", "Sushi Minamo"),
        "metro": ("Rakuhoku Railway",),
        "taxi": ("Momiji Taxi",),
        "books": ("Hon-no-Mori Books",),
        "clothes": ("Aizome Works",),
        "home": ("Kurashi House",),
        "devices": ("Denki Yokochō",),
        "pharmacy": ("Aoba Pharmacy",),
        "doctor": ("Sakura Dental Clinic",),
        "cash": ("ATM Kawaramachi",),
        "utilities": ("Higashiyama Gas", "Katsura Denryoku"),
        "insurance": ("Tsuru Insurance",),
    },
)  # fmt: skip
KUWAIT = Town(
    "Kuwait City", "KW", "KWD", 307,
    {
        "groceries": ("Souq Al Bahar", "Date Palm Market"),
        "coffee": ("Qahwa House", "Dallah Café"),
        "lunch": ("Shawarma Corner 9", "Bait Al Machboos"),
        "dinner": ("Pearl Diver Restaurant", "Diwan Al Sultan"),
        "metro": ("Citylink Buses",),
        "taxi": ("Marina Taxi",),
        "books": ("Maktabat Al Noor",),
        "clothes": ("Bisht & Thread",),
        "home": ("Sadu Home",),
        "devices": ("Gulf Circuit",),
        "pharmacy": ("Salmiya Care Pharmacy",),
        "doctor": ("Al Shifa Family Clinic",),
        "cash": ("ATM Salmiya",),
        "utilities": ("Bayan Electricity & Water",),
        "insurance": ("Date Star Takaful",),
    },
    weekend=frozenset({4, 5}),
)  # fmt: skip

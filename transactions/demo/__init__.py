"""The demo bank: realistic people and payments, generated from a seed.

`cast` and `places` contain data. `people` creates the people, `habits` and `stories` decide what
happens on a day, `world` simulates the days in order without a database, and `seeding` books the
result. `registered` contains what features add.
"""

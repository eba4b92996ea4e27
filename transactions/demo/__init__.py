"""The demo bank: realistic people and payments that are generated from a seed.

`cast` and `places` contain data. `people` creates the people. `habits` and `stories` create the
payments of a day. `world` simulates all days in order, without a database. `seeding` books the
payments. `registered` contains the functions that features call to add data.
"""

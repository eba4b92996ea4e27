"""The demo bank: believable people and payments, generated from a seed.

`cast` and `places` are data. `people` makes the persons, `habits` and `stories` decide what happens
on a day, `world` plays the days in order without a database, and `seeding` books the result.
`registered` has what features add.
"""

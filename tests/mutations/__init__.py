"""A tool that changes one line of code at a time and lists the changes that no test notices.

`make mutants`, described in CONTRIBUTING.md. `changes` finds the possible changes of a file,
`choosing` draws some of them by a seed, `recording` records which test runs which line, and
`sessions` starts pytest with the plugin `trying`, which runs the tests against each change.

Note [Own tool]: mutmut 3 changes only what is inside functions, and draws no sample by a seed.
cosmic-ray runs one command, all tests, for each change. Here a change costs one fork of a process
that has a test database already, and the tests of its line.
"""

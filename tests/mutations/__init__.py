"""A tool that changes one line of code at a time and lists the changes that no test notices.

CONTRIBUTING.md describes it as `make mutants`. `changes` finds the possible changes of a file,
`choosing` draws some of them with a seed, `recording` records which test runs which line, and
`sessions` starts pytest with the plugin `trying`, which runs the tests against each change.

Note [Own tool]: mutmut 3 changes only code inside functions, and cannot draw a sample with a seed.
cosmic-ray runs one command with all tests for each change. This tool needs only one fork of a
process with a test database, and the tests of the changed line.
"""

"""`python -m archtool` is `archtool`."""

from archtool.cli import main

main()

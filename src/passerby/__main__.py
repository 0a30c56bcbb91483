"""`python -m passerby`: the command line without its script."""

from passerby.cli import main

main()

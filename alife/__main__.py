"""`python -m alife`."""

from .cli import main

main()

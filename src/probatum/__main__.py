"""`python -m probatum` is `probatum`."""

from probatum.cli import main

main()

"""The command line. Importing it imports nothing else, so that the first line can appear within a second."""

import sys


def main() -> None:
    """Entry point of the command `rhapsode`; exits with the code of the error, if there was one."""
    from rhapsode.cli.app import run

    sys.exit(run(sys.argv[1:]))

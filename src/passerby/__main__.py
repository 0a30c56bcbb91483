"""The command line from its first moment: `passerby`, and `python -m passerby`."""

import sys


def main() -> None:
    """Import the command line and run it; Ctrl-C before it is there is told in one line, too."""
    try:
        from passerby.cli import main as run
    except KeyboardInterrupt:
        sys.stderr.write("passerby: interrupted\n")
        sys.exit(1)
    run()


if __name__ == "__main__":
    main()

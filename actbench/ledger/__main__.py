"""python -m actbench.ledger [RESULTS]: decides every claim and writes results/ledger/ and results/README.md."""

import argparse
import sys
from pathlib import Path

from actbench.ledger import decide, index
from actbench.ledger.claims import ClaimError


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit code is 0, or 2 after a message on stderr."""
    parser = argparse.ArgumentParser(prog="python -m actbench.ledger", description="Decide every claim.")
    parser.add_argument("root", nargs="?", default="results", help="parent of the results folders (default: results)")
    root = Path(parser.parse_args(arguments).root)
    try:
        print(decide.write(root))
        print(index.write(root))
    except (OSError, ClaimError) as error:
        print(f"actbench.ledger: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""python -m actbench.ledger [RESULTS]: decides every claim and writes results/ledger/ and results/README.md.

python -m actbench.ledger --plan prints what the claims still need, with its hours.
"""

import argparse
import sys
from pathlib import Path

from actbench.ledger import decide, index, page, parse, plan
from actbench.ledger.claims import KINDS, ClaimError
from actbench.ledger.evidence import Evidence
from actbench.report import console


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit code is 0, or 2 after a message on stderr."""
    parser = argparse.ArgumentParser(prog="python -m actbench.ledger", description="Decide every claim.")
    parser.add_argument("root", nargs="?", default="results", help="parent of the results folders (default: results)")
    parser.add_argument("--plan", action="store_true", help="print the seeds that the claims still need, with hours")
    options = parser.parse_args(arguments)
    root = Path(options.root)
    try:
        if options.plan:
            evidence = Evidence(root)
            decided = [one for claim in parse.claims() for one in decide.decide_claim(claim, evidence)]
            print(console.aligned(plan.table(decided, evidence, kinds=KINDS)))
        else:
            print(page.write(root, parse.claims()))
            print(index.write(root))
    except (OSError, ClaimError) as error:
        print(f"actbench.ledger: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Renamed."""

import sys

if __name__ == "__main__":
    sys.exit("python -m actbench.published is now python -m actbench.ledger.")

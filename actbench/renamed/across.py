"""Renamed."""

import sys

if __name__ == "__main__":
    sys.exit("python -m actbench.across is now python -m actbench.report.")

"""Renamed."""

import sys

if __name__ == "__main__":
    sys.exit("python -m actbench.tuning is now python -m actbench.report --tuned.")

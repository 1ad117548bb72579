"""Renamed."""

import sys

if __name__ == "__main__":
    sys.exit("python -m actbench.cost is now python -m actbench.catalogue --cost.")

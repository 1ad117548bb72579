"""python -m actbench.site [RESULTS] [--to FOLDER] [--act CONFIG ... --config-dir DIR]: a site of what is published."""

import argparse
import sys
from pathlib import Path

from actbench.site import own
from actbench.site.build import build


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return 0, or 2 after a sentence on stderr that says what is wrong."""
    parser = argparse.ArgumentParser(prog="python -m actbench.site", description="Build a site of what is published.")
    parser.add_argument("results", nargs="?", type=Path, default=Path("results"), help="parent of the results folders")
    parser.add_argument("--to", type=Path, default=Path("site"), metavar="FOLDER", help="where to (default: site)")
    parser.add_argument(
        "--act", nargs="+", metavar="CONFIG", help="a page for this function too: +act=custom act._target_=mine.f"
    )
    parser.add_argument("--config-dir", metavar="DIR", help="a folder of your own options, which --act may name")
    options = parser.parse_args(arguments)
    act = [*(["--config-dir", options.config_dir] if options.config_dir else []), *(options.act or [])]
    try:
        num = build(options.results, options.to, own=own.compute(act) if options.act else None)
    except ModuleNotFoundError as error:
        print(f"actbench.site: {error.name} is not installed: pip install 'actbench[site]'.", file=sys.stderr)
        return 2
    except (OSError, ValueError) as error:
        print(f"actbench.site: {error}", file=sys.stderr)
        return 2
    print(f"{num} pages: {options.to / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

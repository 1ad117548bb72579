"""python -m actbench.report FOLDER ...: a report from tables alone, of one results folder or over several."""

import argparse
import sys
from pathlib import Path

from actbench.report import across, functions, workloads
from actbench.tables import tuned
from actbench.tables.text import one_line


def main(arguments: list[str] | None = None) -> int:
    """The command line; 0, or 2 after a sentence that says what is wrong."""
    parser = argparse.ArgumentParser(prog="python -m actbench.report", description="Make a report from tables alone.")
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help="a results folder, as results/adhoc")
    parser.add_argument("--tuned", action="store_true", help="the learning rates that a tuning experiment chose")
    given = parser.parse_args(arguments)
    try:
        for folder in given.folders if given.tuned else ():
            _print_tuned(folder)
        if not given.tuned:
            print(_report(given.folders))
    except (OSError, ValueError) as error:
        system = getattr(error, "strerror", None)  # ours are sentences
        listed = ", ".join(map(str, given.folders))
        reason = f"The report cannot be written to {listed} ({system})." if system else error
        print(f"actbench.report: {reason}", file=sys.stderr)
        return 2
    return 0


def _report(folders: list[Path]) -> Path:
    """Write the report; the path of report.html."""
    if len(folders) > 1:
        return across.write(folders, folders[0].parent / "across")
    (folder,) = folders
    if (folder / "tables" / "properties.parquet").is_file():
        functions.write(folder)
        return folder / "report.html"
    path, left_out = workloads.write_all(folder)
    for sentence in left_out:
        print(f"left out: {sentence}", file=sys.stderr)
    return path


def _print_tuned(folder: Path) -> None:
    """Print the table of a tuning experiment, and write it as tuned.csv."""
    table = tuned.chosen(tuned.runs_of(folder))
    table.to_csv(folder / "tuned.csv", index=False)
    print(table.assign(act=table["act"].map(one_line)).to_string(index=False))


if __name__ == "__main__":
    sys.exit(main())

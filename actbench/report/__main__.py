"""python -m actbench.report FOLDER ...: the report of one results folder, or of several together, from tables alone."""

import argparse
import sys
from pathlib import Path

from actbench.report import across, functions, results_folder, tuning


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return 0, or 2 after a sentence on stderr that says what is wrong."""
    parser = argparse.ArgumentParser(prog="python -m actbench.report", description="Make a report from tables alone.")
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help="results folder, e.g. results/adhoc")
    parser.add_argument("--tuned", action="store_true", help="print what a tuning experiment chose")
    options = parser.parse_args(arguments)
    try:
        for folder in options.folders if options.tuned else ():
            print(tuning.text(folder))
        if not options.tuned:
            print(_write_report(options.folders))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None)  # only errors of the operating system have one; ours are sentences
        folders = ", ".join(map(str, options.folders))
        message = f"The report cannot be written to {folders} ({reason})." if reason else error
        print(f"actbench.report: {message}", file=sys.stderr)
        return 2
    return 0


def _write_report(folders: list[Path]) -> Path:
    """Write the report and return the path of report.html."""
    if len(folders) > 1:
        return across.write(folders, folders[0].parent / "across")
    (folder,) = folders
    if (folder / "tables" / "curves.parquet").is_file():  # of the catalogue alone
        functions.write(folder)
        return folder / "report.html"
    path, left_out = results_folder.write_and_list(folder)
    for sentence in left_out:
        print(f"left out: {sentence}", file=sys.stderr)
    return path


if __name__ == "__main__":
    sys.exit(main())

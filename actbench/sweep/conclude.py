"""The end of a command: compacted tables, a summary, the report of each results folder, exit code."""

import sys
from pathlib import Path

from actbench.compare.workloads import NothingToReportError, protocol_notes
from actbench.report import console, field, results_folder
from actbench.sweep.progress import Runs, by_folder, say
from actbench.tables import schema, store
from actbench.tables.tuning import is_tuning

# Why a run that ended without an error is missing in the tables.
_UNREAD = "cannot be read: delete or restore each folder left out, and repeat the command."
_ELSEWHERE = "are not in {}: the workers write to another folder of that name (they need a shared "
_ELSEWHERE += "file system), or what the activation needs changed meanwhile or differs by process."


def conclude(runs: Runs) -> int:
    """Compact the tables, print a summary and write the report of each results folder.

    Returns 1 if a run failed or cannot be read, or there is no report, otherwise 0.
    """
    return max(_report(folder, names) for folder, names in by_folder(runs))


def _report(folder: Path, names: set[str]) -> int:
    """Report one results folder; the exit code."""
    store.clean(folder)
    try:
        left_out = store.compact(folder)
        tables, _ = store.read(folder)
    except FileNotFoundError:  # the workers wrote elsewhere
        tables, left_out = schema.from_rows(runs=[]), []
    runs = tables.runs[tables.runs["run_id"].isin(names)]
    failed, absent = runs[runs["status"] == "failed"], names - set(runs["run_id"])
    code = int(len(failed) > 0 or len(absent) > 0)
    for sentence in left_out + protocol_notes(tables.runs, run_ids=names):
        say(f"left out: {sentence}", sys.stderr)
    if absent:
        which = f"{len(absent)} of {len(names)} runs"
        say(f"actbench: {which} {_UNREAD if left_out else _ELSEWHERE.format(folder)}", sys.stderr)
    if len(runs):
        try:
            say(results_folder.summary(folder, tables, run_ids=names))
            standing = field.sentences(folder, tables, *names) if len(names) == 1 and not is_tuning(folder) else []
            if standing:
                say(f"\n{console.paragraph(' '.join(standing))}")
            say(f"\nReport: {results_folder.write(folder, run_ids=names, standing=standing)}")
        except NothingToReportError as error:
            say(f"actbench: {error}", sys.stderr)
            code = 1
    if len(failed):
        say(console.failures(folder, failed), sys.stderr)
    return code

"""What --help lists: the commands, every option of every group, every experiment. Imports no torch."""

import textwrap
from collections.abc import Sequence

from actbench.command.options import CONF, GROUPS, describe, options, split_config_dir, use_config_dir

_USAGE = """\
Usage: python -m actbench +act=NAME [KEY=VALUE ...]         one run: a pack of seeds, a report
       python -m actbench -m +act=A,B [KEY=V,W ...]          a sweep over all combinations
       python -m actbench +experiment=NAME [KEY=VALUE ...]   a question from experiments/
       python -m actbench +experiment=NAME hydra/sweeper=settle   more seeds until it is decided
       python -m actbench +act=custom act._target_=FILE.FUNCTION +act.PARAMETER=VALUE
       python -m actbench --config-dir DIR +act=NAME ...     options of your own, DIR/act/NAME.yaml
       python -m actbench.report FOLDER ...                  a report, of one folder or over several
       python -m actbench.catalogue [+act=NAME]              what is computed of a function
       python -m actbench.catalogue --cost [NAME ...]        its time and memory against ReLU
       python -m actbench.ledger                             every claim, decided
       python -m actbench.site                               all that is published, to browse"""
_WIDTH = 100
_FIRST = ("experiment", "act", "data", "model", "init", "optim")


def text(argv: Sequence[str] = ()) -> str:
    """The commands, the options of each group, those of --config-dir too, the base run's settings."""
    use_config_dir(split_config_dir(argv)[0])
    groups = dict.fromkeys((*_FIRST, *GROUPS, "track", "hydra/launcher", "hydra/sweeper"))
    base = (CONF / "config.yaml").read_text(encoding="utf-8")
    settings = base[base.index("\nseed:") : base.index("\nhydra:")].strip()
    sections = [_USAGE, *map(_section, groups), "settings\n" + textwrap.indent(settings, "  ")]
    return "\n\n".join(sections)


def _section(group: str) -> str:
    width = max(map(len, options(group)))
    below = " " * (width + 4)
    lines = (
        textwrap.fill(f"  {name:<{width}}  {describe(path)}", _WIDTH, subsequent_indent=below, break_on_hyphens=False)
        for name, path in options(group).items()
    )
    return "\n".join([f"{group}=…", *lines])

"""python -m actbench.catalogue: the properties of all activations or of the one named; with --cost, time and memory."""

import sys
from pathlib import Path

import torch

from actbench.catalogue import cost, entries, forms, printed
from actbench.catalogue.publish import facts_frame, publish
from actbench.command.options import nearest, options, split_config_dir, use_config_dir
from actbench.measure import memory
from actbench.report import functions as function_report
from actbench.tables import functions as function_tables

FOLDER = Path("results/functions")
HELP = """\
python -m actbench.catalogue                            all of conf/act/, written to results/functions/
python -m actbench.catalogue +act=elu act.alpha=0.5     one, with its parameters, printed
python -m actbench.catalogue +act=custom act._target_=mypackage.f +act.p=2     your own
python -m actbench.catalogue --cost                     time and memory of all, written to results/functions/
python -m actbench.catalogue --cost gelu mish           of these only, printed
python -m actbench.catalogue --cost --processes 10      GELU's forms in 10 fresh processes
python -m actbench.catalogue --config-dir DIR +act=NAME, or --cost NAME        one of your options in DIR/act/
"""


def main(arguments: list[str]) -> int:
    """Run the command line; return 0, or 2 after printing what is wrong."""
    torch.set_num_threads(1)
    if {"--help", "-h"} & set(arguments):
        print(HELP, end="")
        return 0
    try:
        if "--processes" in arguments:
            return _forms([text for text in arguments if text not in ("--cost", "--processes")])
        if "--cost" in arguments:
            return _cost([text for text in arguments if text != "--cost"])
        return _properties(arguments)
    except ValueError as error:
        print(f"actbench.catalogue: {error}", file=sys.stderr)
        return 2


def _properties(arguments: list[str]) -> int:
    if arguments:
        print(printed.facts(facts_frame([entries.read(arguments)])))
        return 0
    print(printed.comparison(publish(FOLDER)))
    return _report()


def _cost(names: list[str]) -> int:
    folder, names = split_config_dir(names)
    use_config_dir(folder)
    for name in names:
        if name not in options("act"):
            raise ValueError(f"There is no act={name}: {nearest(name, options('act'))}")
    memory.keep_freed_memory()  # else the sizes outside the cache, ReLU's too, sometimes time the system's fresh pages
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    sizes = cost.GPU_SIZES if device.type == "cuda" else cost.CPU_SIZES
    table = cost.costs([entries.load(name) for name in names or entries.names()], device=device, sizes=sizes)
    print(printed.costs(table))
    print("\nThe limit, copying a tensor (GB/s read and written together):")
    print(printed.limits(table))
    if names:
        return 0
    function_tables.write(table, FOLDER, "cost")
    return _report()


def _forms(arguments: list[str]) -> int:
    if len(arguments) != 1 or not arguments[0].isdecimal() or not int(arguments[0]):
        given = " ".join(arguments) or "nothing"
        raise ValueError(f"--processes needs one number of processes, 1 or more, but {given} is given: --processes 10.")
    table = forms.measure(forms.FOLDER, int(arguments[0]))
    medians = table.groupby(["function", "mode", "size", "pass"], sort=False)["ratio"].median()
    print("Time relative to eager ReLU, median over the processes:")
    print(medians.to_string(float_format=function_tables.number))
    return 0


def _report() -> int:
    """Write the report if the properties were computed."""
    try:
        function_report.write(FOLDER)
    except FileNotFoundError as error:
        print(f"\nNo report yet. {error}")
    else:
        print(f"\nReport: {FOLDER / 'report.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

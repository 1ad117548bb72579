"""The cost of the forms of a function, which a claim compares (C12), each time in a fresh process.

What one process gets, the places of its tensors above all, stays with it, so its rounds are no independent samples.
A process measures every form once in each mode and size; processes are numbered from 0, like seeds.
"""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pandas as pd
import torch

from actbench.catalogue import cost, entries
from actbench.catalogue.entries import NamedFunction
from actbench.measure import memory
from actbench.tables import functions

FOLDER = Path("results/gelu_cost")
FORMS = {"gelu": ("gelu", {}), "gelu_tanh": ("gelu", {"approximate": "tanh"}), "gelu_sigmoid": ("gelu_sigmoid", {})}
_ROUNDS = 2  # in one the form goes first, in the other ReLU


def measure(folder: Path, num_processes: int, *, sizes: tuple[cost.Size, ...] = cost.CPU_SIZES) -> pd.DataFrame:
    """Measure in fresh processes until the table `cost` of a folder has that many; return the table.

    Its columns are those of `cost.costs` and `seed`, the number of the process. It is written after each.
    """
    path = folder / "tables" / "cost.parquet"
    table = pd.read_parquet(path) if path.is_file() else pd.DataFrame({"seed": pd.Series(dtype="int64")})
    for number in sorted(set(range(num_processes)) - set(table["seed"])):
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
            rows = process.submit(costs_of_forms, sizes).result()
        table = (
            pd.concat([table, rows.assign(seed=number)], ignore_index=True) if len(table) else rows.assign(seed=number)
        )
        functions.write(table, folder, "cost")
    return table


def costs_of_forms(sizes: tuple[cost.Size, ...]) -> pd.DataFrame:
    """The costs of all forms in this process, in float32, on one thread of the CPU."""
    torch.set_num_threads(1)
    memory.keep_freed_memory()
    forms = [_form(name) for name in FORMS]
    return cost.costs(forms, device=torch.device("cpu"), sizes=sizes, dtypes=(torch.float32,), rounds=_ROUNDS)


def _form(name: str) -> NamedFunction:
    of, parameters = FORMS[name]
    function = entries.load(of, parameters)
    return NamedFunction(name, function.formula, function.parameters, function.f)

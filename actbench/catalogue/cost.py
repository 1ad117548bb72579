"""What an activation costs in time and memory, relative to ReLU.

Every sample of an activation is taken right beside one of the baseline, eager ReLU of the same dtype and size, in the
same process on the same tensor, so that what slows the machine slows both. A round goes through all activations, since
what memory a tensor gets and what ran before last for minutes: samples of one moment would all have it in common. A
round's ratio is the median of its samples; the ratio is the median over rounds, its interval their extremes, which of
six rounds hold the median with 97 %. Forward is the training forward, which saves what backward needs.
"""

import math
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor, nn
from tqdm import tqdm

from actbench.catalogue import entries
from actbench.catalogue.entries import NamedFunction
from actbench.functions.properties import Function
from actbench.measure import environment, memory

FOLDER = Path("results/functions")
BASELINE = "relu"
DTYPES = (torch.float32, torch.bfloat16)
MODES = ("eager", "compiled")
SHOWN = ["function", "dtype", "mode", "size", "pass", "ns_per_element", "ratio", "ratio_low", "ratio_high"]
SHOWN += ["saved_bytes_per_element", "copy_ns_per_element"]
ROUNDS = 6


@dataclass(frozen=True)
class Size:
    """Bytes per tensor, named after where they lie, and how they are sampled: calls per sample, samples per round."""

    name: str
    bytes: int
    calls: int
    samples: int


# Inside any second-level cache; and input and output together outside most last levels, yet each below the 32 MiB from
# where on the C library asks the system for fresh pages at every allocation, which would drown the activation.
CPU_SIZES = (Size("inside cache", 256 * 2**10, 10, 9), Size("outside cache", 24 * 2**20, 1, 7))
# An H100 has 50 MiB of second-level cache; many calls, since a launch takes microseconds.
GPU_SIZES = (Size("inside cache", 4 * 2**20, 50, 5), Size("outside cache", 256 * 2**20, 10, 5))


def costs(
    named: list[NamedFunction],
    *,
    device: torch.device,
    sizes: tuple[Size, ...],
    dtypes: tuple[torch.dtype, ...] = DTYPES,
    modes: tuple[str, ...] = MODES,
    rounds: int = ROUNDS,
) -> pd.DataFrame:
    """One row per function, dtype, mode, size and pass; times in ns per element, memory in bytes per element."""
    ran = environment.environment(device)
    about = {
        "device": ran["device_name"],
        "threads": torch.get_num_threads(),
        "torch": ran["torch"],
        "commit": ran["commit"],
    }
    kinds = [(dtype, mode, one) for dtype in dtypes for mode in modes for one in named]
    rows = []
    with tqdm(total=rounds * len(kinds), unit="function", disable=None) as bar:
        for number in range(rounds):
            for dtype, mode, one in kinds:
                torch.compiler.reset()  # each function has its own graphs, and as many of them as it needs
                memory.give_back()  # a small thing that stays in the hole of a freed tensor keeps all of the hole
                rows += [
                    {"function": one.name, "dtype": str(dtype).removeprefix("torch."), "mode": mode, **row, **about}
                    for row in _rows(one, device=device, dtype=dtype, mode=mode, sizes=sizes, turned=number % 2)
                ]
                bar.update()
    return _over_rounds(pd.DataFrame(rows))


def _over_rounds(rows: pd.DataFrame) -> pd.DataFrame:
    """The median of every measure over the rounds, and the extremes of the ratio."""
    measures = ["copy_ns_per_element", "copy_gb_per_s", "ns_per_element", "ratio", "saved_bytes_per_element"]
    grouped = rows.groupby([name for name in rows if name not in (*measures, "note")], sort=False)
    extremes = grouped["ratio"].agg(ratio_low="min", ratio_high="max", rounds="count")
    return grouped[measures].median().join(extremes).join(grouped["note"].max()).reset_index()


def _rows(
    one: NamedFunction, *, device: torch.device, dtype: torch.dtype, mode: str, sizes: tuple[Size, ...], turned: int
) -> Iterator[dict[str, object]]:
    baseline = _placed(entries.load(BASELINE).f, device=device, dtype=dtype, mode="eager")
    f = _placed(one.f, device=device, dtype=dtype, mode=mode)
    for size in sizes:
        elements = size.bytes // dtype.itemsize
        z = torch.randn(elements, device=device, generator=torch.Generator(device).manual_seed(0)).to(dtype)
        copy = _copy_seconds(z, device, size)
        limit = {"copy_ns_per_element": 1e9 * copy / elements, "copy_gb_per_s": 2e-9 * z.nbytes / copy}
        for name, both in (("forward", False), ("forward+backward", True)):
            row = {"size": size.name, "elements": elements, "pass": name, **limit, "note": ""}
            try:
                measured = _compared(_run(f, z, backward=both), _run(baseline, z, backward=both), device, size, turned)
                measured["ns_per_element"] = measured.pop("ns_per_call") / elements
                measured["saved_bytes_per_element"] = saved_bytes(f, z) / elements
            except RuntimeError as error:  # a kernel that this device, dtype or compiler does not have
                measured = dict.fromkeys(("ns_per_element", "ratio", "saved_bytes_per_element"), math.nan)
                row["note"] = str(error).splitlines()[0]
            yield {**row, **measured}


def _copy_seconds(z: Tensor, device: torch.device, size: Size) -> float:
    """Seconds to copy z into memory that is already there."""
    target = torch.empty_like(z)
    return statistics.median(_sample(lambda: target.copy_(z), device, size.calls) for _ in range(size.samples))


def _compared(
    call: Callable[[], object], baseline: Callable[[], object], device: torch.device, size: Size, turned: int
) -> dict[str, float]:
    """Median time per call, and median of its ratio to the baseline's sample beside it."""
    _sample(baseline, device, 1), _sample(call, device, 1)  # compile, fill the allocator's cache
    samples = []
    # Now one first, now the other, in every second round the other way: the second finds the tensor in the cache.
    for number in range(turned, size.samples + turned):
        order = (baseline, call) if number % 2 else (call, baseline)
        samples.append({each: _sample(each, device, size.calls) for each in order})
    return {
        "ns_per_call": 1e9 * statistics.median(sample[call] for sample in samples),
        "ratio": statistics.median(sample[call] / sample[baseline] for sample in samples),
    }


def _run(f: Function, z: Tensor, *, backward: bool) -> Callable[[], object]:
    z = z.detach().requires_grad_(True)
    gradient = torch.ones_like(z)
    learned = list(f.parameters()) if isinstance(f, nn.Module) else []

    def call() -> None:
        out = f(z)
        if backward:
            torch.autograd.grad(out, [z, *learned], gradient)

    return call


def _sample(call: Callable[[], object], device: torch.device, calls: int) -> float:
    """Seconds per call: by events on a GPU, where the host runs ahead, else by the clock."""
    if device.type == "cuda":
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        for _ in range(calls):
            call()
        end.record()
        end.synchronize()
        return float(start.elapsed_time(end)) / 1e3 / calls
    begin = time.perf_counter()
    for _ in range(calls):
        call()
    return (time.perf_counter() - begin) / calls


def saved_bytes(f: Function, z: Tensor) -> int:
    """Bytes that the graph of f(z) keeps until backward: each storage once, learned parameters not counted."""
    learned = {p.untyped_storage().data_ptr() for p in f.parameters()} if isinstance(f, nn.Module) else set()
    kept: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in learned:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor.detach()  # an output with its graph would keep itself for ever

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        out = f(z.detach().requires_grad_(True))
    del out
    return sum(kept.values())


def _placed(f: Function, *, device: torch.device, dtype: torch.dtype, mode: str) -> Function:
    placed = f.to(device=device, dtype=dtype) if isinstance(f, nn.Module) else f
    return torch.compile(placed, dynamic=True) if mode == "compiled" else placed

"""The cost of an activation in time and memory, relative to ReLU.

Every sample of an activation is taken next to one of the baseline, which is eager ReLU of the same dtype and size, in
the same process on the same tensor: whatever slows the machine slows both. A round goes through all activations. The
memory that a tensor gets and the effects of what ran before last for minutes, and samples taken at one moment would all
share them. The ratio of a round is the median of its samples. The published ratio is the median over rounds, and its
interval spans their extremes, which for six rounds covers the median with 97 %. Forward is the forward pass of
training, which saves what backward needs.
"""

import math
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pandas as pd
import torch
from torch import Tensor, nn
from tqdm import tqdm

from actbench.catalogue import entries
from actbench.catalogue.entries import NamedFunction
from actbench.functions.properties import Function
from actbench.measure import environment, memory

BASELINE = "relu"
DTYPES = (torch.float32, torch.bfloat16)
MODES = ("eager", "compiled")
ROUNDS = 6


@dataclass(frozen=True)
class Size:
    """The bytes of a tensor, named after where they fit, with the calls per sample and the samples per round."""

    name: str
    bytes: int
    calls: int
    samples: int


# The small size fits into any second-level cache. Input and output of the large one together exceed most last-level
# caches, yet each stays below 32 MiB: from there on the C library asks the system for fresh pages at every allocation,
# which would dwarf the activation.
CPU_SIZES = (Size("inside cache", 256 * 2**10, 10, 9), Size("outside cache", 24 * 2**20, 1, 7))
# An H100 has 50 MiB of second-level cache. A sample has many calls because a launch takes microseconds.
GPU_SIZES = (Size("inside cache", 4 * 2**20, 50, 5), Size("outside cache", 256 * 2**20, 10, 5))


def costs(
    activations: list[NamedFunction],
    *,
    device: torch.device,
    sizes: tuple[Size, ...],
    dtypes: tuple[torch.dtype, ...] = DTYPES,
    modes: tuple[str, ...] = MODES,
    rounds: int = ROUNDS,
) -> pd.DataFrame:
    """One row per function, dtype, mode, size and pass; times in ns per element, memory in bytes per element."""
    machine = environment.environment(device)
    provenance = {
        "device": machine["device_name"],
        "threads": torch.get_num_threads(),
        "torch": machine["torch"],
        "commit": machine["commit"],
    }
    cases = [(dtype, mode, activation) for dtype in dtypes for mode in modes for activation in activations]
    rows = []
    with tqdm(total=rounds * len(cases), unit="function", disable=None) as bar:
        for number in range(rounds):
            for dtype, mode, activation in cases:
                if mode == "compiled":  # no function shares graphs, or the limit on their number, with another
                    torch.compiler.reset()  # imports the compiler, which an eager function does without
                memory.release_freed_memory()  # else a small object in a freed tensor's space keeps all of it
                keys = {"function": activation.name, "dtype": str(dtype).removeprefix("torch."), "mode": mode}
                rows += [
                    {**keys, **row, **provenance}
                    for row in _rows(activation, device=device, dtype=dtype, mode=mode, sizes=sizes, first=number % 2)
                ]
                bar.update()
    return _over_rounds(pd.DataFrame(rows))


def _over_rounds(rows: pd.DataFrame) -> pd.DataFrame:
    """The median of each measure over the rounds, and the extremes of the ratio."""
    measures = ["copy_ns_per_element", "copy_gb_per_s", "ns_per_element", "ratio", "saved_bytes_per_element"]
    grouped = rows.groupby([name for name in rows if name not in (*measures, "note")], sort=False)
    extremes = grouped["ratio"].agg(ratio_low="min", ratio_high="max", rounds="count")
    return grouped[measures].median().join(extremes).join(grouped["note"].max()).reset_index()


def _rows(
    activation: NamedFunction,
    *,
    device: torch.device,
    dtype: torch.dtype,
    mode: str,
    sizes: tuple[Size, ...],
    first: int,
) -> Iterator[dict[str, object]]:
    """A row for each size and pass; `first` as in `_time_with_baseline`."""
    baseline = _placed(entries.load(BASELINE).f, device=device, dtype=dtype, mode="eager")
    f = _placed(activation.f, device=device, dtype=dtype, mode=mode)
    for size in sizes:
        elements = size.bytes // dtype.itemsize
        z = torch.randn(elements, device=device, generator=torch.Generator(device).manual_seed(0)).to(dtype)
        copy = _copy_seconds(z, device, size)
        limit = {"copy_ns_per_element": 1e9 * copy / elements, "copy_gb_per_s": 2e-9 * z.nbytes / copy}
        for name, backward in (("forward", False), ("forward+backward", True)):
            row = {"size": size.name, "elements": elements, "pass": name, **limit, "note": ""}
            try:
                values = _time_with_baseline(
                    _call(f, z, backward=backward), _call(baseline, z, backward=backward), device, size, first
                )
                values["ns_per_element"] = values.pop("ns_per_call") / elements
                values["saved_bytes_per_element"] = saved_bytes(f, z) / elements
            except RuntimeError as error:  # a kernel that this device, dtype or compiler does not have
                values = dict.fromkeys(("ns_per_element", "ratio", "saved_bytes_per_element"), math.nan)
                row["note"] = str(error).splitlines()[0]
            yield {**row, **values}


def _copy_seconds(z: Tensor, device: torch.device, size: Size) -> float:
    """Seconds to copy z into memory that is already allocated."""
    target = torch.empty_like(z)
    return statistics.median(_sample(lambda: target.copy_(z), device, size.calls) for _ in range(size.samples))


def _time_with_baseline(
    call: Callable[[], object], baseline: Callable[[], object], device: torch.device, size: Size, first: int
) -> dict[str, float]:
    """The median time of a call, and the median of its ratio to the baseline's sample next to it.

    The two take turns in going first, starting with the activation where `first` is 0 and with the baseline where it
    is 1, since the second of them finds the tensor in the cache.
    """
    _sample(baseline, device, 1), _sample(call, device, 1)  # compile, fill the allocator's cache
    samples = []
    for number in range(first, size.samples + first):
        order = (baseline, call) if number % 2 else (call, baseline)
        samples.append({timed: _sample(timed, device, size.calls) for timed in order})
    return {
        "ns_per_call": 1e9 * statistics.median(sample[call] for sample in samples),
        "ratio": statistics.median(sample[call] / sample[baseline] for sample in samples),
    }


def _call(f: Function, z: Tensor, *, backward: bool) -> Callable[[], object]:
    z = z.detach().requires_grad_(True)
    gradient = torch.ones_like(z)
    parameters = list(f.parameters()) if isinstance(f, nn.Module) else []

    def call() -> None:
        out = f(z)
        if backward:
            torch.autograd.grad(out, [z, *parameters], gradient)

    return call


def _sample(call: Callable[[], object], device: torch.device, calls: int) -> float:
    """Seconds per call: by device events on a GPU, where the host runs ahead, else by the clock."""
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
    """Bytes that the graph of f(z) keeps until backward: each storage once, without learned parameters."""
    parameters = {p.untyped_storage().data_ptr() for p in f.parameters()} if isinstance(f, nn.Module) else set()
    saved: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in parameters:
            saved[storage.data_ptr()] = storage.nbytes()
        return tensor.detach()  # an output saved with its graph would keep itself alive

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        out = f(z.detach().requires_grad_(True))
    del out
    return sum(saved.values())


def _placed(f: Function, *, device: torch.device, dtype: torch.dtype, mode: str) -> Function:
    placed = f.to(device=device, dtype=dtype) if isinstance(f, nn.Module) else f
    return torch.compile(placed, dynamic=True) if mode == "compiled" else placed

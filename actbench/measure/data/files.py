"""The files behind torchvision's data sets: there and whole, downloaded, or a sentence that says what to do."""

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import torch
from torch import Tensor
from torchvision.datasets import VisionDataset

from actbench.measure.data.splits import Source
from actbench.tables import atomic


def read(
    dataset: Callable[..., VisionDataset],
    root: str,
    *,
    files: dict[Path, Callable[[Path], bool]],
    to_tensor: Callable[[VisionDataset], Tensor],
) -> Source:
    """Read a data set through torchvision's own class, downloading it where it is absent.

    Args:
        dataset: torchvision's class; called with `root`, `train`, `download`.
        root: The folder given to torchvision.
        files: Each file below `root` that must be there, and a check that is true where the file is whole.
        to_tensor: A data set's images as (N, C, H, W) uint8.

    Raises:
        FileNotFoundError: If the files are absent and cannot be downloaded.
        ValueError: If a file is there but truncated or corrupt.
    """
    folder = Path(root).expanduser()
    absent = [file for file in files if not (folder / file).is_file()]
    if absent:
        _download(dataset, folder, absent)
    for file, whole in files.items():
        if not whole(folder / file):
            raise ValueError(
                f"The data file {folder / file} is truncated or corrupt. Delete it to have it downloaded again, "
                "or put a whole copy in its place."
            )
    train, test = (dataset(root=str(folder), train=part, download=False) for part in (True, False))
    return Source(
        images=torch.cat([to_tensor(train), to_tensor(test)]),
        labels=torch.cat([torch.as_tensor(part.targets) for part in (train, test)]),  # type: ignore[attr-defined]
        num_test=len(test),
        white=255,
    )


def _download(dataset: Callable[..., VisionDataset], folder: Path, absent: list[Path]) -> None:
    """Let torchvision download the set; it raises what its mirrors and urllib raise, in many types.

    Elsewhere first, since another process may do the same; archives that the user has put there are used.
    """
    own = folder / absent[0].parts[0]
    archives = [folder / getattr(dataset, "filename", "-"), *own.rglob("*.gz")]  # of one file, or one for each
    try:
        atomic.remove_abandoned(folder)
        with atomic.beside(own) as hidden:
            for archive in filter(Path.is_file, archives):
                copy = hidden / archive.relative_to(folder)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(archive, copy)
            dataset(root=str(hidden), train=True, download=True)
            for file in absent:
                (folder / file).parent.mkdir(parents=True, exist_ok=True)
                os.replace(hidden / file, folder / file)
    except (OSError, RuntimeError) as error:
        with suppress(OSError):  # a folder that is not empty stays
            folder.rmdir()
        names = ", ".join(sorted({str(file.name) for file in absent}))
        reason = str(error).strip().splitlines()[0].rstrip(":.")
        raise FileNotFoundError(
            f"The data files {names} are not in {folder / absent[0].parent} and could not be downloaded ({reason}). "
            f"Put them there, or name the folder that holds {absent[0].parts[0]}/ with data.root=FOLDER "
            "or the environment variable ACTBENCH_DATA."
        ) from error


def idx_files(name: str) -> dict[Path, Callable[[Path], bool]]:
    """The four IDX files of MNIST and its kin, below the folder `name`/raw."""
    stems = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
    return {Path(name, "raw", f"{stem}-ubyte"): _whole_idx for stem in stems}


def _whole_idx(path: Path) -> bool:
    """Whether an IDX file is as long as its header says: 0, 0, 8 (bytes), number of axes, each axis (big-endian)."""
    with path.open("rb") as file:
        zero, kind, axes = file.read(2), file.read(1), file.read(1)
        if (zero, kind) != (b"\0\0", b"\x08") or axes not in (b"\x01", b"\x03"):
            return False
        sizes = [int.from_bytes(file.read(4), "big") for _ in range(axes[0])]
    expected = 4 + 4 * len(sizes) + torch.Size(sizes).numel()
    return os.path.getsize(path) == expected

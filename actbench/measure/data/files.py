"""The files of torchvision's data sets: checked, downloaded if missing, or an error that says what to do."""

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
    """Read a data set through torchvision's class, which downloads missing files.

    Args:
        dataset: torchvision's class; called with `root`, `train`, `download`.
        root: torchvision's folder of data sets.
        files: The data set's files, relative to `root`; each with a check that is true if the file is intact.
        to_tensor: Returns a data set's images as (N, C, H, W) uint8.

    Raises:
        FileNotFoundError: If files are missing and cannot be downloaded.
        ValueError: If a file is truncated or corrupt.
    """
    folder = Path(root).expanduser()
    missing = [file for file in files if not (folder / file).is_file()]
    if missing:
        _download(dataset, folder, missing)
    for file, is_intact in files.items():
        if not is_intact(folder / file):
            raise ValueError(
                f"The data file {folder / file} is truncated or corrupt. Delete it to have it downloaded again, "
                "or put an intact copy in its place."
            )
    train, test = (dataset(root=str(folder), train=is_train, download=False) for is_train in (True, False))
    return Source(
        images=torch.cat([to_tensor(train), to_tensor(test)]),
        labels=torch.cat([torch.as_tensor(subset.targets) for subset in (train, test)]),  # type: ignore[attr-defined]
        num_test=len(test),
        white=255,
    )


def _download(dataset: Callable[..., VisionDataset], folder: Path, missing: list[Path]) -> None:
    """Let torchvision download the data set, or unpack the archives that the user has put there.

    It works in a hidden folder first, since another process may download the same data set.
    """
    data_folder = folder / missing[0].parts[0]
    archives = [folder / getattr(dataset, "filename", "-"), *data_folder.rglob("*.gz")]  # one for all files or for each
    try:
        atomic.remove_abandoned(folder)
        with atomic.temporary(data_folder) as hidden:
            for archive in filter(Path.is_file, archives):
                copy = hidden / archive.relative_to(folder)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(archive, copy)
            dataset(root=str(hidden), train=True, download=True)
            for file in missing:
                (folder / file).parent.mkdir(parents=True, exist_ok=True)
                os.replace(hidden / file, folder / file)
    except (OSError, RuntimeError) as error:  # mirrors and urllib raise errors of many types
        with suppress(OSError):  # a folder with files stays
            folder.rmdir()
        names = ", ".join(sorted({str(file.name) for file in missing}))
        reason = str(error).strip().splitlines()[0].rstrip(":.")
        raise FileNotFoundError(
            f"The data files {names} are not in {folder / missing[0].parent} and could not be downloaded ({reason}). "
            f"Put them there, or name the folder that holds {missing[0].parts[0]}/ with data.root=FOLDER "
            "or the environment variable ACTBENCH_DATA."
        ) from error


def idx_files(name: str) -> dict[Path, Callable[[Path], bool]]:
    """The four IDX files of MNIST or a data set in its format, in the folder `name`/raw."""
    stems = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
    return {Path(name, "raw", f"{stem}-ubyte"): _is_intact_idx for stem in stems}


def _is_intact_idx(path: Path) -> bool:
    """Whether an IDX file has the length in its header: 0, 0, 8 (bytes), number of axes, each size (big-endian)."""
    with path.open("rb") as file:
        zeros, dtype, axes = file.read(2), file.read(1), file.read(1)
        if (zeros, dtype) != (b"\0\0", b"\x08") or axes not in (b"\x01", b"\x03"):
            return False
        sizes = [int.from_bytes(file.read(4), "big") for _ in range(axes[0])]
    expected = 4 + 4 * len(sizes) + torch.Size(sizes).numel()
    return os.path.getsize(path) == expected

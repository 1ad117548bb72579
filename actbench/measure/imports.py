"""The files and packages that code depends on, found by reading its imports: none of it is run."""

import ast
import functools
import hashlib
import importlib.util
import sys
import sysconfig
from collections.abc import Iterator
from importlib import metadata
from itertools import accumulate
from pathlib import Path

import actbench

_STANDARD_LIBRARY = Path(sysconfig.get_paths()["stdlib"]).resolve()
_ACTBENCH = Path(actbench.__file__).resolve().parent
# Inside a function these read what no import shows: text to be run, data, the environment.
_READS = {
    "CDLL", "LoadLibrary", "__import__", "environ", "exec", "fromfile", "genfromtxt", "getenv", "import_module", "load",
    "load_library", "loadtxt", "memmap", "open", "read_bytes", "read_csv", "read_parquet", "read_text", "run_module",
    "run_path", "spec_from_file_location",
}  # fmt: skip


class Dependencies:
    """What modules depend on.

    Attributes:
        files: The hash of each local module's file, and of those files of installed packages that are named; "" for a
            module that is imported and not there.
        versions: The version of each installed package.
        reads: For each local module the lines inside functions that read what no import shows, with what reads it.
    """

    def __init__(self) -> None:
        self.files: dict[str, str] = {}
        self.versions: dict[str, str] = {}
        self.reads: dict[str, list[tuple[int, str]]] = {}

    def add(self, module: str) -> None:
        """Add a module, the packages it lies in and, if it is local, everything that its file imports."""
        for name in accumulate(module.split("."), "{}.{}".format):
            if name not in self.files:
                self.add_file(name, _file(name))

    def add_file(self, name: str, file: Path | None) -> None:
        """Add a module by its file; None for a module without one."""
        if name in self.files or (file is not None and _is_standard(file)):
            return
        try:
            code = b"" if file is None else file.read_bytes()
        except OSError:
            code = b""
        self.files[name] = hashlib.sha256(code).hexdigest() if code else ""
        version = _version(name.partition(".")[0]) if file is not None and is_installed(file) else None
        if version is not None:
            self.versions[name.partition(".")[0]] = version
        elif code and file is not None and file.suffix == ".py":
            self._follow(name, code, is_package=file.name == "__init__.py")

    def _follow(self, name: str, code: bytes, *, is_package: bool) -> None:
        tree = ast.parse(code)
        for module in _imports(tree, package=name if is_package else name.rpartition(".")[0]):
            self.add(module)
        self.reads[name] = list(_reads(tree))


def is_local(module: str) -> bool:
    """Whether a module that is loaded is the user's, not one of Python, of an installed package or of actbench."""
    file = _file(module)
    return file is not None and not _is_standard(file) and not is_installed(file)


def is_installed(file: Path) -> bool:
    """Whether a file belongs to an installed package, or to actbench."""
    return bool({"site-packages", "dist-packages"} & set(file.parts)) or file.is_relative_to(_ACTBENCH)


def _is_standard(file: Path) -> bool:
    return file.is_relative_to(_STANDARD_LIBRARY) and not is_installed(file)


def _file(module: str) -> Path | None:
    """The file of a module; None if it has none, as a module in C, or cannot be found."""
    if module in sys.modules:
        file = getattr(sys.modules[module], "__file__", None)
    else:
        try:
            spec = importlib.util.find_spec(module)
        except Exception:  # it imports the package around the module, which may raise anything
            spec = None
        file = spec.origin if spec and spec.has_location else None
    return Path(file).resolve() if file else None


@functools.cache
def _version(package: str) -> str | None:
    """The version of an installed package by the name under which it is imported; None of a stray file."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        names = metadata.packages_distributions().get(package, [])
        return ", ".join(metadata.version(name) for name in sorted(set(names))) or None


def _imports(tree: ast.AST, *, package: str) -> Iterator[str]:
    """Every module that code imports or may import: in `from a import b`, b may be a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            outer = package.split(".")[: 1 - node.level or None] if node.level else []
            base = ".".join([*outer, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" if base else alias.name for alias in node.names)


def _reads(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and name of what reads in function bodies. What is read outside them, once, on import, is in the state."""
    functions = (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda))
    bodies = (f.body if isinstance(f.body, list) else [f.body] for f in functions)  # not defaults, read once
    for node in (node for body in bodies for statement in body for node in ast.walk(statement)):
        if isinstance(node, ast.Attribute) and node.attr in _READS:
            yield node.lineno, node.attr
        if isinstance(node, ast.Call) and not _writes(node):
            called = getattr(node.func, "id", "")
            yield from [(node.lineno, called)] * (called in _READS | {"eval"})  # an attribute `eval` is a module's mode


def _writes(call: ast.Call) -> bool:
    """Whether a call of open only writes."""
    modes = [*call.args[1:2], *(keyword.value for keyword in call.keywords if keyword.arg == "mode")]
    return any(isinstance(m, ast.Constant) and isinstance(m.value, str) and m.value[:1] in set("wax") for m in modes)

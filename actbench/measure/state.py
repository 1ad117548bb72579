"""What a callable holds beside its code, as one hash: closures, defaults, globals, attributes, tensors.

The hash is of values, never of addresses or of the order of a set, so that every process computes the same one.
"""

import copyreg
import functools
import hashlib
import importlib
import os
import random
import sys
import types
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from actbench.measure.imports import Dependencies, is_local

_PLAIN = (bool, int, float, complex, str, bytes, type(None), type(Ellipsis), torch.dtype, torch.device, range, slice)
_RANDOM = (random.Random, np.random.Generator, np.random.RandomState, np.random.BitGenerator, torch.Generator)
_SLOTS = (types.GetSetDescriptorType, types.MemberDescriptorType)
_DESCRIPTORS = (property, classmethod, staticmethod, functools.cached_property)


class State:
    """The hash of the values that are added, the modules their code lies in, and what could not be read.

    Attributes:
        dependencies: The files of all code that was met.
        doubts: What could not be read, in words.
    """

    def __init__(self) -> None:
        self.dependencies = Dependencies()
        self.doubts: list[str] = []
        self._hash = hashlib.sha256()
        self._seen: dict[Any, tuple[int, Any]] = {}  # holds what it has seen: a freed object's id is used again

    def digest(self) -> str:
        return self._hash.hexdigest()

    def add(self, value: Any) -> None:
        """Add a value with everything that it refers to."""
        kind = type(value)
        self._token(kind.__module__, kind.__qualname__)
        if kind in _PLAIN:
            self._token(value)
        elif kind in (tuple, torch.Size):
            self._each(value)
        elif kind in (set, frozenset):
            self._token(sorted(self._alone(entry) for entry in value))
        elif id(value) in self._seen:
            self._token(self._seen[id(value)][0])
        else:
            self._seen[id(value)] = (len(self._seen), value)
            self._add_object(value)

    def _add_object(self, value: Any) -> None:
        if type(value) in (list, dict):
            self._each(value.items() if isinstance(value, dict) else value)
        elif isinstance(value, Tensor) and value.layout == torch.strided and not (value.is_meta or value.is_quantized):
            self._token(value.dtype, tuple(value.shape), value.requires_grad)
            entries = value.detach().cpu().resolve_conj().resolve_neg().contiguous().flatten()
            self._hash.update(entries.view(torch.uint8).numpy().tobytes())
        elif isinstance(value, np.ndarray | np.generic) and not value.dtype.hasobject:
            self._token(value.dtype.str, value.shape)
            self._hash.update(value.tobytes())
        elif isinstance(value, types.ModuleType):
            self.dependencies.add(value.__name__)
        elif isinstance(value, types.FunctionType):
            self._add_function(value)
        elif isinstance(value, types.CodeType):
            self._token(value.co_code, value.co_names)
            self._each(value.co_consts)
        elif isinstance(value, types.MethodType | types.BuiltinMethodType):
            self._add_method(value)
        elif isinstance(value, type):
            self._add_class(value)
        elif isinstance(value, _DESCRIPTORS):
            self._each(getattr(value, name, None) for name in ("__func__", "fget", "fset", "func"))
        elif isinstance(value, (*_RANDOM, type(os.environ))):
            self._doubt(value)
        else:
            self._add_instance(value)

    def _add_function(self, f: types.FunctionType) -> None:
        """A function by its place in a file, or by its bytecode if no file holds it, and what it refers to."""
        module, file = f.__globals__.get("__name__", ""), Path(f.__code__.co_filename)
        self._token(module, f.__qualname__)
        has_file = file.is_file()
        if has_file:
            self._token(f.__code__.co_firstlineno)
            self.dependencies.add_file(module, file.resolve())
            lines = _lines(f.__code__)
            reads = {name for line, name in self.dependencies.reads.get(module, ()) if line in lines}
            self.doubts += [f"{module}.{f.__qualname__} uses {name}" for name in reads]
        else:
            self.add(f.__code__)
        if _is_named(f, module) and not is_local(module):
            return  # its package and version say everything
        if module.startswith("torch.") and hasattr(f, "__wrapped__"):  # torch.compile's wrapper holds caches
            self.add(f.__wrapped__)
            return
        self._each((f.__defaults__, f.__kwdefaults__, vars(f)))
        for cell in f.__closure__ or ():
            try:
                self.add(cell.cell_contents)
            except ValueError:  # a cell that is still empty
                self._token("empty")
        if module not in sys.modules or is_local(module):
            names = _names(f.__code__)
            self._add_names(f.__globals__, names)
            for name in sorted(names):  # modules that the function imports itself
                for imported in (name, f"{f.__globals__.get('__package__')}.{name}"):
                    if self.dependencies.files.get(imported) and name not in f.__globals__ and is_local(imported):
                        self._add_names(vars(importlib.import_module(imported)), names)

    def _add_names(self, scope: dict[str, Any], names: frozenset[str]) -> None:
        """The values of these names in a module, and of those that are modules again."""
        key = ("names", id(scope), names)
        if key in self._seen:
            return
        self._seen[key] = (len(self._seen), scope)
        for name in sorted(names & scope.keys()):
            if not (name.startswith("__") and name.endswith("__")):
                self._token(name)
                self.add(scope[name])
                if isinstance(scope[name], types.ModuleType) and is_local(scope[name].__name__):
                    self._add_names(vars(scope[name]), names)

    def _add_method(self, method: types.MethodType | types.BuiltinMethodType) -> None:
        self._token(method.__qualname__)
        if isinstance(method.__self__, types.ModuleType) or method.__self__ is None:  # a function in C
            self.dependencies.add(method.__module__ or "builtins")
        else:
            self.add(getattr(method, "__func__", None))
            self.add(method.__self__)

    def _add_class(self, cls: type) -> None:
        self._token(cls.__module__, cls.__qualname__)
        self.dependencies.add(cls.__module__)
        if not is_local(cls.__module__) and cls.__module__ != "__main__":
            return
        self._each(cls.__bases__)
        for name, value in sorted(vars(cls).items()):
            is_data = name.startswith("__") and not callable(value)
            if not (is_data or isinstance(value, _SLOTS) or name == "_abc_impl"):
                self._token(name)
                self.add(value)

    def _add_instance(self, value: Any) -> None:
        """Any other object as pickle would take it apart."""
        self.add(type(value))
        self.add(getattr(value, "__wrapped__", None))  # of functools.lru_cache
        try:
            registered: Any = copyreg.dispatch_table.get(type(value))
            reduced: Any = registered(value) if registered else value.__reduce_ex__(4)
        except Exception:  # a lock, a file, an object in C: any error
            self._doubt(value)
            return
        if isinstance(reduced, str):  # found by this name in its module
            self._token(reduced)
        else:
            self._each(list(part) if hasattr(part, "__next__") else part for part in reduced)

    def _each(self, values: Iterable) -> None:
        entries = list(values)
        self._token(len(entries))
        for entry in entries:
            self.add(entry)

    def _alone(self, value: Any) -> str:
        """The hash of an entry of a set, whatever was added before."""
        state = State()
        state.add(value)
        self.doubts += state.doubts
        return state.digest()

    def _doubt(self, value: Any) -> None:
        self.doubts.append(f"what its {type(value).__qualname__} holds cannot be read")

    def _token(self, *values: Any) -> None:
        self._hash.update(f"{values!r};".encode(errors="backslashreplace"))


def _is_named(f: types.FunctionType, module: str) -> bool:
    """Whether a function is found under its own name in its module."""
    return getattr(sys.modules.get(module), f.__name__, None) is f


def _lines(code: types.CodeType) -> set[int]:
    """The lines of a function's code, with the functions inside it."""
    inner = (_lines(constant) for constant in code.co_consts if isinstance(constant, types.CodeType))
    return {line for _, _, line in code.co_lines() if line}.union(*inner)


def _names(code: types.CodeType) -> frozenset[str]:
    """The names of globals and attributes in a function's code, with the functions inside it."""
    inner = (_names(constant) for constant in code.co_consts if isinstance(constant, types.CodeType))
    return frozenset(code.co_names).union(*inner)

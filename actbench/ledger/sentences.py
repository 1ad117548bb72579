"""Prepared sentences: their placeholders are checked when a claim is read, and filled when it is decided.

An atom's own sentences say `{mean:.2f}`, a claim's findings and interpretation `{atom.mean:.2f}`.
"""

import re
import string
from collections.abc import Collection, Mapping
from types import SimpleNamespace
from typing import Any

from actbench.tables.text import NARROW

# What a sentence can say of an atom, and whether it is a number with a unit, a count or words.
FIELDS: dict[str, type] = {
    **dict.fromkeys(("mean", "low", "high"), float),  # of the case that decides: the one with the weakest support
    **dict.fromkeys(("level", "reference"), float),  # of that case: the mean in the rows and in those of the reference
    **dict.fromkeys(("smallest", "largest"), float),  # of the means, over the cases
    **dict.fromkeys(("smallest_level", "largest_level"), float),
    **dict.fromkeys(("n", "cases", "holding"), int),  # seeds; cases, and in how many the case alone is shown
    **dict.fromkeys(("worst", "best", "chosen", "exceptions", "verdict", "price"), str),
}


_ASIDE = re.compile(r" \([^()]*\{[^()]*\)")


class SentenceError(ValueError):
    """A sentence that cannot be filled; the message is a clause."""


class MissingNumberError(ValueError):
    """A placeholder has no number yet."""


class Number(float):
    """A number in a sentence, as `numbers` writes one; what is not measured cannot be written."""

    def __format__(self, spec: str) -> str:
        if self != self:
            raise MissingNumberError
        written = format(float(self), spec).replace("%", f"{NARROW}%")
        if not re.search("[1-9]", written):  # zero has no sign
            return written.lstrip("+-")
        return f"−{written[1:]}" if written.startswith("-") else written


class Unknown:
    """What a sentence would say of an atom that is not measured."""

    def __format__(self, spec: str) -> str:
        raise MissingNumberError


def check(template: str, atoms: Collection[str] | None = None) -> None:
    """Raise a SentenceError if a placeholder of a sentence does not exist; with `atoms` it is `{atom.field}`."""
    dummies = {name: Number(1) if kind is float else kind(1) for name, kind in FIELDS.items()}
    try:
        placeholders = [(name, spec) for _, name, spec, _ in string.Formatter().parse(template) if name is not None]
    except ValueError as error:
        raise SentenceError(f"{template!r} is no sentence with placeholders: {error}") from error
    for name, spec in placeholders:
        atom, _, field = name.rpartition(".")
        if bool(atom) != (atoms is not None) or (atoms is not None and atom not in atoms):
            known = "{FIELD}" if atoms is None else f"{{ATOM.FIELD}} with ATOM one of {', '.join(atoms)}"
            raise SentenceError(f"{{{name}}} is not a placeholder here: write {known}")
        if field not in FIELDS:
            raise SentenceError(f"{{{name}}} does not exist: the fields are {', '.join(FIELDS)}")
        if FIELDS[field] is float and not spec:
            raise SentenceError(f"{{{name}}} needs digits, as in {{{name}:.2f}}")
        try:
            format(dummies[field], spec or "")
        except ValueError as error:
            raise SentenceError(f"{{{name}:{spec}}} cannot be written: {error}") from error


def words(template: str) -> int:
    """The number of words of a sentence; a placeholder with what adheres to it is one, and so is `5 %`."""
    return len(re.findall(r"[^ \n]+", re.sub(r"\{[^{}]*\}", "0", template)))


def fill(template: str, values: Mapping[str, Any]) -> str:
    """A sentence with its numbers.

    Args:
        template: The prepared sentence.
        values: The fields of one atom, or for each atom its fields.

    Raises:
        MissingNumberError: If one of them is not measured.
    """
    names = {
        key: SimpleNamespace(**{name: _value(item) for name, item in value.items()})
        if isinstance(value, Mapping)
        else _value(value)
        for key, value in values.items()
    }
    return string.Formatter().vformat(template, (), names)


def without_unknown(template: str, values: Mapping[str, Any]) -> str:
    """A prepared sentence without the brackets, ` (…)`, whose numbers are not measured."""

    def known(match: re.Match[str]) -> str:
        try:
            fill(match[0], values)
        except MissingNumberError:
            return ""
        return match[0]

    return _ASIDE.sub(known, template)


def _value(value: object) -> object:
    if value is None:
        return Unknown()
    return Number(value) if isinstance(value, float) else value

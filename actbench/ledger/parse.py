"""Reads experiments/claims/*.yaml: which keys a claim and each rule have, and what is wrong with those that do not."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from actbench.command.options import EXPERIMENTS
from actbench.compare import errors
from actbench.compare.looks import Looks
from actbench.ledger import cases, sentences
from actbench.ledger.cases import Case
from actbench.ledger.claims import (
    FINDINGS,
    KINDS,
    LOOKS,
    MAX_WORDS,
    NEEDS,
    REDUCTIONS,
    Atom,
    Claim,
    ClaimError,
    families,
    looks_of,
    possible_verdicts,
)

FOLDER = EXPERIMENTS / "claims"
LEFT = 0.05  # a learned parameter that is farther from its start has left it
# rule: the keys that it needs, those that it may have beside
RULES: dict[str, tuple[str, str]] = {
    "bound": ("column claimed", "reduce outside"),
    "difference": ("column against claimed", "reduce outside best_of"),
    "log_ratio": ("column against claimed", "reduce outside best_of"),
    **dict.fromkeys(errors.RULES, ("against", "margin best_of")),
    "lower": ("against", "best_of"),
    "at_least": ("against margin", "best_of"),
    "distance": ("against than", "column claimed"),
    "sooner": ("against", "column best_of"),
    "left_start": ("column", "claimed"),
    "trend": ("column over claimed", "against reduce"),
    "computed": ("table column claimed", "reduce outside"),
    "cited": ("cite", ""),
}
_DEFAULTS: dict[str, dict[str, Any]] = {
    **{rule: {"column": "test_accuracy"} for rule in errors.RULES},
    "distance": {"table": "layers", "column": "out_ratio", "claimed": [None, 0]},
    "sooner": {"column": "epochs_to_target", "claimed": [0, None]},
    "computed": {"reduce": "each"},
    "left_start": {"table": "layers", "claimed": [LEFT, None]},
}
_EVERY = ("kind", "states", "rule")
_MEASURED = ("if_true", "if_false")
_MAY = ("results", "table", "where", "cases", "names", "needs")
_TEXTS = ("table", "column", "over", "reduce", "needs", "cite")
_SEEDS = ("looks", "chosen_on")  # of what has seeds


def claims(folder: Path = FOLDER) -> list[Claim]:
    """Every claim of a folder, sorted by id.

    Raises:
        ClaimError: If one cannot be decided as it is written.
    """
    return [parse(path.stem, read(path)) for path in sorted(folder.glob("*.yaml"))]


def read(path: Path) -> Mapping[str, Any]:
    """A claim's file as nested mappings."""
    return OmegaConf.to_container(OmegaConf.load(path))  # type: ignore[return-value]


def parse(name: str, entry: Mapping[str, Any]) -> Claim:
    """The claim of that id.

    Raises:
        ClaimError: If it cannot be decided as it is written.
    """
    _keys(entry, name, "a claim", required=("says", "source", "finding", "atoms"))
    nested = {"finding": entry["finding"], "atoms": entry["atoms"]}
    nested |= entry["atoms"] if isinstance(entry["atoms"], Mapping) else {}
    if wrong := [key for key, value in nested.items() if not isinstance(value, Mapping)]:
        raise ClaimError(f"{name} has a {wrong[0]} without keys: give it some, as in kind: claimed.")
    atoms = tuple(_atom(str(atom), dict(keys), f"{name}, atom {atom}") for atom, keys in entry["atoms"].items())
    claim = Claim(name, str(entry["says"]), str(entry["source"]), dict(entry["finding"]), atoms)
    _check_findings(claim)
    _check_families(claim)
    return claim


def _atom(name: str, entry: dict[str, Any], place: str) -> Atom:
    rule = str(entry.get("rule"))
    if rule not in RULES:
        raise ClaimError(f"{place} has rule={rule}: use one of {', '.join(RULES)}.")
    entry = {**_DEFAULTS.get(rule, {}), **entry}
    needed, beside = (tuple(keys.split()) for keys in RULES[rule])
    if rule == "cited":
        _keys(entry, place, "a fact that is cited", required=(*_EVERY, *needed))
        expanded: tuple[Case, ...] = ()
    else:
        seeds = () if rule == "computed" else _SEEDS
        try:
            expanded = cases.expand(entry)
        except (TypeError, ValueError, AttributeError) as error:
            raise ClaimError(f"{place} has cases that cannot be read: {error}.") from error
        in_cases = {key for key in cases.WORDS if key not in entry and all(getattr(case, key) for case in expanded)}
        required = tuple(key for key in (*_EVERY, *_MEASURED, *needed) if key not in in_cases)
        optional = (*_MAY, *seeds, *beside, *needed, *(key for key in _DEFAULTS.get(rule, {})))
        _keys(entry, place, f"an atom with rule={rule}", required=required, optional=optional)
        _check_cases(expanded, entry, rule, place)
    for case in expanded:
        if case.claimed is not None:
            _check_claimed(case.claimed, place)
    atom = Atom(
        name,
        cases=expanded,
        looks=_looks(entry.get("looks", LOOKS), place),
        margin=entry.get("margin"),
        outside=bool(entry.get("outside", False)),
        **{key: str(entry[key]) for key in (*_EVERY, *_MEASURED, *_TEXTS) if key in entry},  # type: ignore[arg-type]
    )
    _check_atom(atom, place)
    return atom


def _keys(
    entry: Mapping[str, Any], place: str, what: str, *, required: Sequence[str], optional: Sequence[str] = ()
) -> None:
    allowed = dict.fromkeys([*required, *optional])
    if missing := [key for key in required if key not in entry]:
        raise ClaimError(f"{place} lacks {', '.join(missing)}: {what} has {', '.join(required)}.")
    if unknown := [str(key) for key in entry if key not in allowed]:
        raise ClaimError(f"{place} has {', '.join(unknown)}: {what} has {', '.join(allowed)}.")


def _check_cases(expanded: Sequence[Case], entry: Mapping[str, Any], rule: str, place: str) -> None:
    names = [case.name for case in expanded]
    if not expanded or len(set(names)) < len(names):
        raise ClaimError(f"{place} has {'two cases of one name' if expanded else 'no case'}: each has its own name.")
    if any(not case.results for case in expanded):
        raise ClaimError(f"{place} has no results: name the results folder, or one in each of its cases.")
    contrast = "against" in RULES[rule][0]
    if any(bool(case.against) != contrast for case in expanded) and rule != "trend":
        raise ClaimError(f"{place} has rule={rule} {'without' if contrast else 'with'} `against`.")
    if (entry.get("needs") == "any") != all(case.chosen_on is not None for case in expanded) and rule != "computed":
        raise ClaimError(f"{place} has needs=any without chosen_on, or the other way round: any is chosen beforehand.")
    for case in expanded:
        for choice in (case.chosen_on, case.best_of):
            _keys(choice or {}, f"{place}, {case.name or 'its case'}", "a choice", required=(),
                  optional=("results", "without"))  # fmt: skip


def _check_claimed(ends: Any, place: str) -> None:
    numbers = [end for end in ends if end is not None] if isinstance(ends, list) and len(ends) == 2 else []
    if not numbers or not all(isinstance(end, int | float) for end in numbers) or numbers != sorted(numbers):
        raise ClaimError(f"{place} has claimed={ends}: give [low, high], null for no bound on a side.")


def _looks(sizes: Any, place: str) -> Looks:
    if not isinstance(sizes, list | tuple):
        raise ClaimError(f"{place} has looks={sizes}: give a list, such as [10, 20, 40].")
    try:
        return Looks(tuple(sizes))
    except (ValueError, TypeError) as error:
        raise ClaimError(f"{place} has looks={sizes}: {error}") from error


def _check_atom(atom: Atom, place: str) -> None:
    for key, allowed in (("kind", KINDS), ("needs", NEEDS), ("reduce", REDUCTIONS)):
        if getattr(atom, key) not in allowed:
            raise ClaimError(f"{place} has {key}={getattr(atom, key)}: use one of {', '.join(allowed)}.")
    if (atom.kind == "fact") != (atom.rule == "cited"):
        raise ClaimError(f"{place} has kind={atom.kind} and rule={atom.rule}: a fact is cited, and nothing else is.")
    if atom.reduce == "each" and atom.rule != "computed":
        raise ClaimError(f"{place} has reduce=each, but needs one number a seed: {', '.join(REDUCTIONS[:-1])}.")
    if atom.kind == "definition" and atom.rule != "computed":
        raise ClaimError(f"{place} has kind=definition and rule={atom.rule}: what is true by definition is computed.")
    for key in _MEASURED:
        try:
            sentences.check(getattr(atom, key))
        except sentences.SentenceError as error:
            raise ClaimError(f"{place}, {key}: {error}.") from error


def _check_findings(claim: Claim) -> None:
    possible = possible_verdicts(claim.atoms)
    if possible != set(claim.finding):
        ordered = [key for key in FINDINGS if key in possible]
        raise ClaimError(f"{claim.id} has findings for {', '.join(claim.finding)}: it can get {', '.join(ordered)}.")
    for verdict, finding in claim.finding.items():
        place = f"{claim.id}, finding {verdict}"
        if isinstance(finding, Mapping):
            _keys(finding, place, "a finding by an atom", required=("by", "true", "false", "undecided"))
            if finding["by"] not in [atom.name for atom in claim.atoms]:
                raise ClaimError(f"{place} is by {finding['by']}: name one of the claim's atoms.")
        for template in finding.values() if isinstance(finding, Mapping) else [finding]:
            _check_finding(template, claim, place)


def _check_finding(template: str, claim: Claim, place: str) -> None:
    try:
        sentences.check(template, [atom.name for atom in claim.atoms if atom.rule != "cited"])
    except sentences.SentenceError as error:
        raise ClaimError(f"{place}: {error}.") from error
    if (count := sentences.words(template)) > MAX_WORDS:
        raise ClaimError(f"{place}, has {count} words: {MAX_WORDS} are allowed.")


def _check_families(claim: Claim) -> None:
    for family in families(claim.atoms):
        longest = looks_of(family).sizes
        for atom in family:
            if atom.looks.sizes != longest[: len(atom.looks.sizes)]:
                sizes = ", ".join(map(str, longest))
                raise ClaimError(
                    f"{claim.id}, atom {atom.name} has looks {', '.join(map(str, atom.looks.sizes))}, "
                    f"which are not the first of {sizes}, those of its family."
                )

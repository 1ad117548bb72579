"""Claims as data: the files experiments/claims/<id>.yaml. No single claim is mentioned here.

A claim is split into atoms. An atom says one thing of some rows of a published table; its rule makes one number per
seed of them, or takes one computed number, and `claimed` is the set in which the mean of that number lies if the atom
is true. RULES lists the rules with the keys of each; `rules.py` says what each computes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import OmegaConf

from actbench.command.options import EXPERIMENTS
from actbench.compare.sequential import Looks
from actbench.ledger import cases, sentences
from actbench.ledger.cases import Case

FOLDER = EXPERIMENTS / "claims"
KINDS = ("claimed", "definition", "fact", "popular", "mechanism", "control")
NEEDS = ("all", "most", "any")
REDUCTIONS = ("mean", "min", "max", "rms", "max_abs")
LOOKS = (10, 20, 40)
MARGIN = 1.10  # of one error rate to another
LEFT = 0.05  # a learned parameter that is farther from its start has left it
MAX_WORDS = 30  # of a finding
FINDINGS = {
    "true": "true",
    "false": "false",
    "partly": "partly true",
    "undecided": "undecided",
    "untestable": "not testable here",
    "definition_true": "true by definition",
    "definition_false": "false by definition",
    "cited": "cited",
}
NOT_MEASURED = "not measured"
ERRORS = ("no_worse", "worse", "equivalent", "differs", "better", "lower", "at_least")
# rule: the keys that it needs, those that it may have beside
RULES: dict[str, tuple[str, str]] = {
    "bound": ("column claimed", "reduce outside"),
    "difference": ("column against claimed", "reduce outside best_of"),
    "log_ratio": ("column against claimed", "reduce outside best_of"),
    **dict.fromkeys(ERRORS, ("against", "margin best_of")),
    "distance": ("against than", "column claimed"),
    "sooner": ("against", "column best_of"),
    "left_start": ("column", "claimed"),
    "trend": ("column over claimed", "against reduce"),
    "computed": ("table column claimed", ""),
    "cited": ("cite", ""),
}
_DEFAULTS: dict[str, dict[str, Any]] = {
    **dict.fromkeys(ERRORS, {"column": "test_accuracy"}),
    "distance": {"table": "layers", "column": "out_ratio", "claimed": [None, 0]},
    "sooner": {"column": "epochs_to_target", "claimed": [0, None]},
    "left_start": {"table": "layers", "claimed": [LEFT, None]},
}
_EVERY = ("kind", "states", "rule")
_MEASURED = ("if_true", "if_false")
_MAY = ("results", "table", "where", "cases", "names", "needs")
_SEEDS = ("looks", "chosen_on")  # of what has seeds


class ClaimError(ValueError):
    """A claim that cannot be decided as it is written. The message is one sentence."""


@dataclass(frozen=True)
class Atom:
    """One statement that the numbers of its cases decide.

    Attributes:
        name: Its name in the claim.
        kind: One of KINDS; claims.md says what each means for the verdict.
        states: The statement in words.
        rule: One of RULES.
        cases: The settings over which it says all, most or any (`needs`).
        table: runs, epochs, layers, vanishing (from `compare.layers.vanishing`), a table of computed facts, or
            `statistics/<name>`.
        column: The measured quantity; the learned parameter of a layer is `learned.<parameter>`.
        low, high: The ends of the claimed set.
        outside: Whether the mean is claimed not to lie in that set.
        margin: What an error rate may be of another.
        over: The column along which the trend is computed.
        reduce: How the rows of one seed are reduced to one number.
        looks: Numbers of seeds at which the atom is looked at.
        if_true, if_false: The sentence for each outcome, see `sentences.FIELDS`.
        cite: What a fact rests on.
    """

    name: str
    kind: str
    states: str
    rule: str
    cases: tuple[Case, ...]
    needs: str = "all"
    table: str = "runs"
    column: str = ""
    low: float = -np.inf
    high: float = np.inf
    outside: bool = False
    margin: float = MARGIN
    over: str = ""
    reduce: str = "mean"
    looks: Looks = field(default_factory=lambda: Looks(LOOKS))
    if_true: str = ""
    if_false: str = ""
    cite: str = ""

    @property
    def has_seeds(self) -> bool:
        """Whether it is tested over seeds; the others are computed or cited."""
        return self.rule not in ("computed", "cited")


@dataclass(frozen=True)
class Claim:
    """A statement of the article, paraphrased, its atoms, and a finding for each verdict that it can get."""

    id: str
    says: str
    source: str
    finding: Mapping[str, str]
    atoms: tuple[Atom, ...]

    def of_kind(self, *kinds: str) -> tuple[Atom, ...]:
        return tuple(atom for atom in self.atoms if atom.kind in kinds)


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
    atoms = tuple(_atom(atom, dict(keys), f"{name}, atom {atom}") for atom, keys in entry["atoms"].items())
    claim = Claim(name, str(entry["says"]), str(entry["source"]), dict(entry["finding"]), atoms)
    _check_findings(claim)
    _check_families(claim)
    return claim


def possible_verdicts(atoms: Sequence[Atom]) -> set[str]:
    """The keys of FINDINGS that a claim with these atoms can get; that it is not measured goes without saying."""
    kinds = {atom.kind for atom in atoms}
    claimed = [atom for atom in atoms if atom.kind == "claimed"]
    falsifiable = [atom for atom in claimed if atom.needs != "any" or not atom.has_seeds]
    verdicts = {"untestable"} if "control" in kinds else set()
    if not claimed:
        by_definition = {"definition_true", "definition_false"}
        return verdicts | (by_definition if "definition" in kinds else {"cited"})
    verdicts |= {"true", "undecided"}
    verdicts |= {"false"} if len(falsifiable) == len(claimed) else set()
    return verdicts | ({"partly"} if falsifiable and len(claimed) > 1 else set())


def families(atoms: Sequence[Atom]) -> list[list[Atom]]:
    """The atoms with seeds that share an error rate: claimed, popular, controls together; each mechanism alone."""
    tested = [atom for atom in atoms if atom.has_seeds]
    shared = [[atom for atom in tested if atom.kind == kind] for kind in ("claimed", "popular", "control")]
    alone = [[atom] for atom in tested if atom.kind in ("mechanism", "definition")]
    return [family for family in (*shared, *alone) if family]


def looks_of(family: Sequence[Atom]) -> Looks:
    """The looks of a family: the longest of its atoms'."""
    return max((atom.looks for atom in family), key=lambda looks: len(looks.sizes))


def _atom(name: str, entry: dict[str, Any], place: str) -> Atom:
    rule = str(entry.get("rule"))
    if rule not in RULES:
        raise ClaimError(f"{place} has rule={rule}: use one of {', '.join(RULES)}.")
    entry = {**_DEFAULTS.get(rule, {}), **entry}
    if rule == "cited":
        _keys(entry, place, "a fact that is cited", required=(*_EVERY, "cite"))
        expanded: tuple[Case, ...] = ()
    else:
        needed, beside = (tuple(keys.split()) for keys in RULES[rule])
        seeds = () if rule == "computed" else _SEEDS
        try:
            expanded = cases.expand(entry)
        except (TypeError, ValueError, AttributeError) as error:
            raise ClaimError(f"{place} has cases that cannot be read: {error}.") from error
        in_cases = {key for key in cases.WORDS if expanded and all(getattr(case, key) for case in expanded)}
        required = tuple(key for key in (*_EVERY, *_MEASURED, *needed) if key not in in_cases)
        optional = (*_MAY, *seeds, *beside, *needed, *(key for key in _DEFAULTS.get(rule, {})))
        _keys(entry, place, f"an atom with rule={rule}", required=required, optional=optional)
        _check_cases(expanded, entry, rule, place)
    low, high = _claimed(entry.get("claimed", [None, None]), place, needed="claimed" in RULES[rule][0])
    atom = Atom(
        name,
        cases=expanded,
        low=low,
        high=high,
        looks=_looks(entry.get("looks", LOOKS), place),
        **{key: entry[key] for key in ("kind", "rule") if key in entry},
        **{key: str(entry[key]) for key in ("states", "table", "column", "over", "cite") if key in entry},
        **{key: str(entry[key]) for key in (*_MEASURED, "reduce", "needs") if key in entry},
        **{key: entry[key] for key in ("margin", "outside") if key in entry},
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
        raise ClaimError(f"{place} has cases {', '.join(names) or 'without a setting'}: give each a name of its own.")
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


def _claimed(ends: Any, place: str, *, needed: bool) -> tuple[float, float]:
    is_pair = isinstance(ends, list) and len(ends) == 2 and all(end is None or isinstance(end, int | float) for end in ends)
    low, high = (-np.inf if ends[0] is None else ends[0], np.inf if ends[1] is None else ends[1]) if is_pair else (1, 0)
    if not low <= high or (needed and np.isinf(low) and np.isinf(high)):
        raise ClaimError(f"{place} has claimed={ends}: give [low, high], null for no bound on a side.")
    return float(low), float(high)


def _looks(sizes: Any, place: str) -> Looks:
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
    for verdict, template in claim.finding.items():
        try:
            sentences.check(template, {atom.name: atom for atom in claim.atoms if atom.rule != "cited"})
        except sentences.SentenceError as error:
            raise ClaimError(f"{claim.id}, finding {verdict}: {error}.") from error
        if (count := sentences.words(template)) > MAX_WORDS:
            raise ClaimError(f"{claim.id}, finding {verdict}, has {count} words: {MAX_WORDS} are allowed.")


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

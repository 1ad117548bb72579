"""Claims as data: the files experiments/claims/<id>.yaml. No single claim is mentioned here.

A claim is split into atoms. An atom says one thing of some rows of a published table; its rule makes one number per
seed of them, or takes one computed number, and `claimed` is the set in which the mean of that number lies if the atom
is true. `parse.py` says which keys each rule has, `rules.py` what it computes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from actbench.compare.looks import Looks
from actbench.ledger.cases import Case

KINDS = ("claimed", "definition", "fact", "popular", "mechanism", "control")
NEEDS = ("all", "most", "any")
REDUCTIONS = ("mean", "min", "max", "rms", "max_abs", "last_first", "each")
LOOKS = (10, 20, 40)
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
MAX_WORDS = 30  # of a finding


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
        outside: Whether the mean is claimed not to lie in that set.
        margin: What an error rate may be of another, if it is not that of `compare.errors`.
        over: The column along which the trend is computed.
        reduce: How the rows of one seed are reduced to one number: one of REDUCTIONS, last_first being the last layer
            minus the first; of a computed atom how the rows of one case are, `each` being not at all.
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
    outside: bool = False
    margin: float | None = None
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
    """A statement of the article, paraphrased, its atoms, and a finding for each verdict that it can get.

    A finding is a sentence, or one for each verdict of the atom that it names: `{by: ATOM, true: …, false: …,
    undecided: …}`.
    """

    id: str
    says: str
    source: str
    finding: Mapping[str, str | Mapping[str, str]]
    atoms: tuple[Atom, ...]


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
    alone = [[atom] for atom in tested if atom.kind == "mechanism"]
    return [family for family in (*shared, *alone) if family]


def looks_of(family: Sequence[Atom]) -> Looks:
    """The looks of a family: the longest of its atoms'."""
    return max((atom.looks for atom in family), key=lambda looks: len(looks.sizes))

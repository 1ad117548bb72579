"""What the pages say of a claim and of its atoms, by the sentences that were prepared for each outcome."""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress

import numpy as np

from actbench.compare.intervals import Interval
from actbench.ledger import claimed, decide, sentences
from actbench.ledger.cases import Case
from actbench.ledger.claims import MAX_WORDS, NOT_MEASURED, Atom, Claim
from actbench.ledger.decided import Decided, Estimate
from actbench.report.numbers import MISSING, fixed, number, percent, rounded

# A verdict is a mark and a word: it survives print, and eyes that see no colour.
MARKS = {
    "true": "●", "false": "○", "partly true": "◐", "undecided": "◌", "not shown": "◌", "not testable here": "⊘",
    "true by definition": "■", "false by definition": "□", "cited": "◆", NOT_MEASURED: "·",
}  # fmt: skip
_TOLD = ("claimed", "definition", "fact")  # kinds of atoms that the claim itself says
_ASIDE = re.compile(r" \((?=[^()]*[a-z]{3})(?:[^()]|\([^()]*\))*\)")  # words in brackets
_NAMED = 4  # the most experiments that a finding names


def is_drawn(decided: Decided) -> bool:
    """Whether an atom has strips in the figure: it has seeds, and not all of them one number."""
    numbers = np.concatenate([*decided.seeds, np.zeros(0)])
    finite = numbers[np.isfinite(numbers)]
    return bool(len(finite) and finite.min() < finite.max())


def verdict(decided: Sequence[Decided]) -> str:
    """The verdict of a claim with its mark: `● true`."""
    word = decide.worded(decide.verdict(decided))
    return f"{MARKS[word]} {word}"


def mark(decided: Decided) -> str:
    """The mark of an atom."""
    by_definition = " by definition" if decided.atom.kind == "definition" else ""
    return MARKS.get(f"{decided.verdict}{by_definition}", MARKS[decided.verdict])


def strip(decided: Sequence[Decided]) -> str:
    """A mark for each atom that the claim says, then apart one for each popular version of it."""
    parts = [_TOLD, ("popular",)]
    return " ".join("".join(mark(one) for one in decided if one.atom.kind in kinds) for kinds in parts).strip()


def finding(claim: Claim, decided: Sequence[Decided]) -> str:
    """What is told of a claim, and behind it, where there is room, what would decide the rest: `Open: mnist_mlp.`"""
    left = f"Open: {_open(decided)}." if _open(decided) else ""
    text = told(claim, decided, room=MAX_WORDS - sentences.words(left))
    whole = f"{text} {left}".strip() or "None of its statements is decided."
    return whole if sentences.words(whole) <= MAX_WORDS else text


def told(claim: Claim, decided: Sequence[Decided], *, room: int = MAX_WORDS) -> str:
    """The finding prepared for the claim's verdict with its numbers.

    What stands in brackets is left out while its numbers are not measured. Where others lack too, or nothing that is
    claimed is measured, or only a control is not, what is told are the statements that are decided, as many as have
    room: those that are claimed where there are such; one alone with what was found.
    """
    verdicts = {one.verdict for one in decided if one.atom.kind == "claimed"}
    waits_for_control = decide.verdict(decided) == NOT_MEASURED and NOT_MEASURED not in verdicts
    template = "" if verdicts == {NOT_MEASURED} or waits_for_control else _template(claim, decided)
    fields = {one.atom.name: _short(one.fields) for one in decided}
    with suppress(sentences.MissingNumberError):
        if template:
            return sentences.fill(sentences.without_unknown(template, fields), fields)
    said = [one for kind in _TOLD for one in decided if one.atom.kind == kind]
    known = [one for one in said if one.verdict in ("true", "false", "cited")]
    first = [one for one in known if one.atom.kind == "claimed"]
    facts = [_fact(one) for one in first or known] + [sentence(one) for one in first if len(first) == 1]
    kept: list[str] = []
    for fact in facts:
        if sentences.words(" ".join([*kept, fact])) <= room:
            kept.append(fact)
    return " ".join(kept) or (f"{len(known)} of {len(said)} statements are decided." if known else "")


def short(says: str) -> str:
    """The first clause of what a claim says."""
    return says.partition(";")[0].rstrip(".")


def sentence(decided: Decided) -> str:
    """What became of an atom: the sentence prepared for its outcome, or one for all that are not decided."""
    atom, outcome = decided.atom, decided.outcome
    if decided.verdict == "cited":
        return atom.cite
    if decided.verdict == NOT_MEASURED:
        return "Not measured yet."
    found = effect(atom, decided.worst)
    if decided.verdict in ("true", "false", "not shown"):
        with suppress(sentences.MissingNumberError):
            return sentences.fill(atom.if_true if decided.verdict == "true" else atom.if_false, decided.fields)
        return f"{decided.verdict.capitalize()}: {found}."
    if outcome is None:
        return f"Undecided: {found} reaches over an end of the claimed set."
    return f"Undecided with {outcome.n} seeds: {found}{f' with {decided.worst.name}' if decided.worst.name else ''}."


def effect(atom: Atom, estimate: Estimate) -> str:
    """The mean with its interval, as the text of a cell; a change against the reference in percent."""
    ends = np.array([estimate.mean, estimate.low, estimate.high])
    if np.isnan(ends[0]):
        return MISSING
    if atom.rule == "sooner":  # a share; its t interval may reach beyond all or none
        low, high = (fixed(100 * end) for end in np.clip(ends[1:], 0, 1))
        return f"sooner in {percent(ends[0])} [{low}, {high}] of the seeds"
    if claimed.is_relative(atom):
        mean, low, high = (format(sentences.Number(end), "+.1%") for end in ends)
        return f"{mean} [{low}, {high}]"
    if not atom.has_seeds:
        mean, low, high = map(_plain, ends)
        return mean if low == high else f"{mean} [{low}, {high}]"
    return number(Interval(estimate.mean, estimate.low, estimate.high, estimate.n))


def claimed_set(atom: Atom, case: Case) -> str:
    """The claimed set of a case in words."""
    low, high = claimed.ends(atom, case)
    relative = claimed.is_relative(atom)
    first, last = (format(sentences.Number(end), "+.0%") if relative else _plain(end) for end in (low, high))
    if np.isinf([low, high]).any():
        words = f"above {first}" if np.isfinite(low) else f"below {last}"
    else:
        words = f"equal to {first}" if low == high else f"within [{first}, {last}]"
    return f"not {words}" if claimed.is_outside(atom) else words


def look(decided: Decided) -> str:
    """At which of its looks an atom with seeds stands: `look 2 of 3`."""
    return f"look {decided.look} of {len(decided.atom.looks.sizes)}"


def _plain(number: float) -> str:
    return rounded(number, 6)


def _template(claim: Claim, decided: Sequence[Decided]) -> str:
    """The finding prepared for what became of a claim; that for "undecided" speaks of what is not measured too."""
    key = decide.verdict(decided)
    template = claim.finding.get("undecided" if key == NOT_MEASURED else key, "")
    if isinstance(template, Mapping):
        found = next(one.verdict for one in decided if one.atom.name == template["by"])
        return template.get("undecided" if found == "not shown" else found, "")
    return template


def _short(fields: Mapping[str, object]) -> dict[str, object]:
    """The same with names of cases without what they have in brackets."""
    return {key: _ASIDE.sub("", value) if isinstance(value, str) else value for key, value in fields.items()}


def _open(decided: Sequence[Decided]) -> str:
    """The experiments that would decide what is not measured."""
    waiting = [one for one in decided if one.verdict == NOT_MEASURED]
    folders = list(dict.fromkeys(case.results for one in waiting for case in one.atom.cases))
    if len(folders) > _NAMED:
        folders[_NAMED - 1 :] = [f"{len(folders) - _NAMED + 1} more"]
    return ", ".join(folders)


def _fact(decided: Decided) -> str:
    """The statement of a decided atom, without what it has in brackets."""
    statement = _ASIDE.sub("", decided.atom.states)
    return statement if decided.verdict in ("true", "cited") else f"Not so: {statement}"

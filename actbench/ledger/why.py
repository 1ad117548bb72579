"""What was written of a claim after its results, from why/<id>.md: a date, then a text that refers to its numbers."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from actbench.ledger import decide, sentences
from actbench.ledger.claims import NOT_MEASURED, Claim, ClaimError
from actbench.ledger.decided import Decided

MAX_WORDS = 120


class Why(NamedTuple):
    """An interpretation with the day on which it was written; both are empty where there is none."""

    date: str = ""
    text: str = ""


def read(claim: Claim, decided: Sequence[Decided], folder: Path) -> Why:
    """The interpretation of a claim with its numbers, `{atom.mean:.2f}`; none where these or its verdict are not there.

    Raises:
        ClaimError: If it has no date or too many words, or names a number that does not exist.
    """
    path = folder / "why" / f"{claim.id}.md"
    if not path.is_file():
        return Why()
    date, _, template = (part.strip() for part in path.read_text(encoding="utf-8").partition("\n"))
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", date):
        raise ClaimError(f"{path.name} begins with {date!r}: its first line is the day of writing, as 2026-11-30.")
    if (count := sentences.words(template)) > MAX_WORDS:
        raise ClaimError(f"{path.name} has {count} words: {MAX_WORDS} are allowed.")
    try:
        sentences.check(template, [atom.name for atom in claim.atoms])
        if decide.verdict(decided) == NOT_MEASURED:
            return Why()
        return Why(date, sentences.fill(template, {one.atom.name: one.fields for one in decided}))
    except sentences.SentenceError as error:
        raise ClaimError(f"{path.name}: {error}.") from error
    except sentences.MissingNumberError:
        return Why()

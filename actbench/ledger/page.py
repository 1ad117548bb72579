"""The page of the ledger: results/ledger/report.md and report.html, its two tables, a figure for each claim."""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from actbench.command import options
from actbench.compare import selftest
from actbench.compare.intervals import Interval
from actbench.ledger import decide, figure, parse, plan, sentences, tables
from actbench.ledger.claims import FINDINGS, NOT_MEASURED, Atom, Claim, ClaimError
from actbench.ledger.decide import Decided, Estimate
from actbench.ledger.evidence import Evidence
from actbench.ledger.tables import Ledger
from actbench.report import page, writer
from actbench.report.numbers import MISSING, fixed, number, p_value, rounded
from actbench.report.page import Markdown

_TITLE = "What is true of what activation functions are said to do?"
_MARKS = {"true": "●", "false": "○", "cited": "◆"}
_BY_DEFINITION = {"true": "■", "false": "□"}
_PENDING = "not measured yet"


def write(root: str | Path, claims: Sequence[Claim], *, draws: int = 2000) -> Path:
    """Decide the claims from the tables under `root`, write `root`/ledger/, and return the path of report.html.

    `draws` is the number of families that each self-test draws.

    Raises:
        ClaimError: If one cannot be decided as it is written.
    """
    evidence, folder = Evidence(root), Path(root) / "ledger"
    ledger = [(claim, decide.decide_claim(claim, evidence)) for claim in claims]
    with writer.replacing(folder) as new:
        tables.atoms(ledger, evidence).to_csv(new / "ledger.csv", index=False)
        tables.cases(ledger).to_csv(new / "cases.csv", index=False)
        _sentences(ledger).to_csv(new / "sentences.csv", index=False)
        _write_page(new, ledger, evidence, draws=draws)
    return folder / "report.html"


def _sentences(ledger: Ledger) -> pd.DataFrame:
    """What the reports of experiments read of each atom: what it measures and of what, and its sentence.

    `is_relative` says whether its numbers are changes against a reference.
    """
    rows = [
        {"claim": claim.id, "atom": one.atom.name, "column": one.atom.column, "act": _act(one.atom),
         "is_relative": decide.is_relative(one.atom), "sentence": sentence(one)}
        for claim, several in ledger
        for one in several
    ]  # fmt: skip
    return pd.DataFrame(rows)


def _act(atom: Atom) -> str:
    """The activation that an atom speaks of; "" where its cases have several, or it compares."""
    acts = {str(case.where.get("act", "")) for case in atom.cases if not case.against}
    return acts.pop() if len(acts) == 1 else ""


def finding(claim: Claim, decided: Sequence[Decided]) -> str:
    """The finding for the claim's verdict with its numbers; where they are not measured it says so."""
    key = decide.verdict(decided)
    template = claim.finding.get(key, "")
    if isinstance(template, Mapping):
        verdict = next(one.verdict for one in decided if one.atom.name == template["by"])
        template = template.get("undecided" if verdict == "not shown" else verdict, _PENDING)
    with suppress(sentences.MissingNumberError):
        if template != _PENDING:
            return sentences.fill(template, _fields(decided))
    return f"{FINDINGS[key].capitalize()}; the numbers are {_PENDING}."


def sentence(decided: Decided) -> str:
    """What became of an atom: the sentence prepared for its outcome, or one for all that are not decided."""
    atom, outcome = decided.atom, decided.outcome
    if decided.verdict == "cited":
        return atom.cite
    if decided.verdict == NOT_MEASURED:
        return f"{_PENDING.capitalize()}."
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
    if decide.is_relative(atom):
        mean, low, high = (f"{end:+.1%}".replace("-", "−") for end in ends)
        return f"{mean} [{low}, {high}]"
    if not atom.has_seeds:
        mean, low, high = (rounded(end, 6).replace("-", "−") for end in ends)
        return mean if low == high else f"{mean} [{low}, {high}]"
    return number(Interval(estimate.mean, estimate.low, estimate.high, estimate.n))


def strip(decided: Sequence[Decided]) -> str:
    """A mark for each atom: what votes, what is true by definition or cited, then apart what is popular."""
    parts = [("claimed", "definition", "fact"), ("popular",)]
    return " ".join("".join(mark(one) for one in decided if one.atom.kind in kinds) for kinds in parts).strip()


def mark(decided: Decided) -> str:
    if decided.verdict == NOT_MEASURED:
        return "·"
    marks = _BY_DEFINITION if decided.atom.kind == "definition" else _MARKS
    return marks.get(decided.verdict, "◌")


def claimed(atom: Atom) -> str:
    """The claimed set in words, that of the first case where they differ."""
    low, high = decide.claimed_set(atom, atom.cases[0])
    shown = (lambda end: f"{end:+.0%}".replace("-", "−")) if decide.is_relative(atom) else (lambda end: rounded(end, 6))
    if np.isinf([low, high]).any():
        words = f"above {shown(low)}" if np.isfinite(low) else f"below {shown(high)}"
    else:
        words = f"equal to {shown(low)}" if low == high else f"within [{shown(low)}, {shown(high)}]"
    return f"not {words}" if decide.is_outside(atom) else words


def first_edition(verdicts: Mapping[str, str], folder: Path) -> list[list[str]]:
    """Heading and rows: each claim's verdict in the first edition and now, and why it changed; empty without a file."""
    path = folder / "first_edition.csv"
    if not path.is_file():
        return []
    before = pd.read_csv(path, keep_default_na=False)
    heading = ["claim", "first edition", "now", "why it changed", "the claim as it was put"]
    return [heading] + [
        [row["id"], row["verdict"], verdicts.get(row["id"], MISSING), row["why_changed"], row["statement"]]
        for row in before.to_dict("records")
    ]


def interpretation(claim: Claim, decided: Sequence[Decided], folder: Path) -> str:
    """What was written after the sweep, from why/<id>.md, with its numbers; empty where there is none or they lack.

    Raises:
        ClaimError: If a placeholder does not exist.
    """
    path = folder / "why" / f"{claim.id}.md"
    if not path.is_file():
        return ""
    template = path.read_text(encoding="utf-8").strip()
    try:
        sentences.check(template, [atom.name for atom in claim.atoms])
        return sentences.fill(template, _fields(decided))
    except sentences.SentenceError as error:
        raise ClaimError(f"{path.name}: {error}.") from error
    except sentences.MissingNumberError:
        return ""


def _fields(decided: Sequence[Decided]) -> dict[str, dict[str, object]]:
    return {one.atom.name: one.fields for one in decided}


def _write_page(new: Path, ledger: Ledger, evidence: Evidence, *, draws: int) -> None:
    save = writer.saver(new)
    verdicts = {claim.id: decide.worded(decide.verdict(decided)) for claim, decided in ledger}
    counts = Counter(verdicts.values())
    figures = {
        claim.id: save(figure.claim(decided), claim.id)
        for claim, decided in ledger
        if any(one.estimates and one.atom.has_seeds for one in decided)
    }
    sources = dict.fromkeys(case.results for claim, _ in ledger for atom in claim.atoms for case in atom.cases)
    writer.write_page(
        new,
        Path(__file__).with_name("ledger.md.j2"),
        title=_TITLE,
        counts=", ".join(f"{counts[name]} {name}" for name in (*FINDINGS.values(), NOT_MEASURED) if counts[name]),
        summary=page.table([
            ["claim", "verdict", "what the article says", "what we find", "atoms"],
            *([one.id, verdicts[one.id], one.says, finding(one, decided), strip(decided)] for one, decided in ledger),
        ]),
        claims=[_section(claim, decided, figures.get(claim.id, ""), evidence) for claim, decided in ledger],
        tests=page.table(_self_tests(ledger, draws=draws)),
        first=page.table(first_edition(verdicts, parse.FOLDER)),
        sources=page.table([["results", "measured"], *([name, _source(name, evidence)] for name in sorted(sources))]),
    )  # fmt: skip


def _self_tests(ledger: Ledger, *, draws: int) -> list[list[str]]:
    """Heading and rows: how often the procedure errs and decides, on drawn numbers and on those of the claims."""
    families = [tables.numbers(decided) for _, decided in ledger]
    table = selftest.table(rng=np.random.default_rng(0), draws=draws, contrasts=[one for one in families if len(one)])
    rows = [[str(cell) if isinstance(cell, str) else fixed(cell, 3) for cell in row] for row in table.to_numpy()]
    return [list(table.columns), *rows]


def _source(results: str, evidence: Evidence) -> str:
    measured = evidence.source(results)
    return measured or ("computed" if evidence.frame(results, "properties") is not None else NOT_MEASURED)


def _section(claim: Claim, decided: Sequence[Decided], path: str, evidence: Evidence) -> dict[str, Any]:
    """The fields of one claim for the template, with the path of its figure."""
    votes = [one for one in decided if one.atom.kind != "popular"]
    popular = [one for one in decided if one.atom.kind == "popular"]
    folders = dict.fromkeys(case.results for atom in claim.atoms for case in atom.cases)
    experiments = options.options("experiment")
    return {
        "id": claim.id,
        "says": claim.says,
        "source": claim.source,
        "verdict": decide.worded(decide.verdict(decided)),
        "finding": finding(claim, decided),
        "atoms": page.table(_rows(votes, evidence)),
        "popular": page.table(_rows(popular, evidence)),
        "why": Markdown(interpretation(claim, decided, parse.FOLDER)),
        "how": page.table(_how(decided)),
        "cases": page.table(_cases(decided)),
        "commands": Markdown(", ".join(f"`python -m actbench +experiment={n}`" for n in folders if n in experiments)),
        "figure": path,
    }


def _rows(decided: Sequence[Decided], evidence: Evidence) -> list[list[str]]:
    """Heading and a row for each atom: what it says and what became of it."""
    if not decided:
        return []
    rows = [
        [mark(one), one.atom.kind, one.atom.states, one.verdict, sentence(one), _seeds(one), price(one, evidence)]
        for one in decided
    ]
    return [["", "kind", "the statement", "verdict", "what we find", "seeds (look)", "further seeds to decide"], *rows]


def price(decided: Decided, evidence: Evidence) -> str:
    """The further seeds that would decide an atom, with their hours where a seed's time is known."""
    seeds = decided.outcome.price if decided.outcome else np.nan
    hours = seeds * plan.seconds(decided, evidence) / 3600
    return decide.price(decided) + (f" ({fixed(hours, 1)} h)" if np.isfinite(hours) else "")


def _seeds(decided: Decided) -> str:
    if decided.looks is None:
        return "computed" if decided.atom.rule == "computed" else ""
    return f"{decided.fields['n']} ({tables.look(decided)} of {len(decided.atom.looks.sizes)})"


def _how(decided: Sequence[Decided]) -> list[list[str]]:
    rows = [
        [
            one.atom.name,
            one.atom.rule,
            f"{one.atom.table}.{one.atom.column}",
            claimed(one.atom),
            f"{one.atom.needs} of {len(one.atom.cases)}" if len(one.atom.cases) > 1 else "",
            ", ".join(map(str, one.atom.looks.sizes)) if one.atom.has_seeds else "",
            *(p_value(getattr(one.outcome, name, np.nan)) for name in ("p_holm", "q_holm")),
            one.chosen,
        ]
        for one in decided
        if one.atom.rule != "cited"
    ]
    heading = ["atom", "rule", "column", "claimed", "needs", "looks", "p (Holm)", "q (Holm)", "chosen on tuning seeds"]
    return [heading, *rows] if rows else []


def _cases(decided: Sequence[Decided]) -> list[list[str]]:
    rows = [
        [one.atom.name, case.name, effect(one.atom, case), str(case.n or ""), p_value(case.p), p_value(case.q)]
        for one in decided
        for case in one.estimates
    ]
    return [["atom", "case", "found", "seeds", "p", "q"], *rows] if rows else []

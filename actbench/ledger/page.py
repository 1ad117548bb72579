"""The page of the ledger: results/ledger/report.md and report.html, with a figure for each claim."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from actbench.compare.intervals import Interval
from actbench.ledger import figure
from actbench.ledger.claims import Claim, Regime
from actbench.ledger.verdicts import VERDICTS, Decision, overall
from actbench.report import page, writer
from actbench.report.numbers import number, p_value, rounded
from actbench.report.page import Markdown
from actbench.tables.text import text

_TITLE = "The ledger: what activation functions are said to do, and what they do"


def write(new: Path, decided: Sequence[tuple[Claim, Sequence[Decision]]], *, sources: Mapping[str, str]) -> None:
    """Write figures/, report.md and report.html into the folder of a new report.

    `sources` maps each results folder to the origin of its data, "" for computed facts.
    """
    save = writer.saver(new)
    figures = {
        claim.id: save(figure.regimes(decisions), claim.id)
        for claim, decisions in decided
        if any(len(decision.values) for decision in decisions)
    }
    writer.write_page(
        new,
        Path(__file__).with_name("ledger.md.j2"),
        title=_TITLE,
        counts=counts([overall(decisions) for _, decisions in decided]),
        regimes=counts([d.verdict for _, decisions in decided for d in decisions if not d.regime.explains]),
        both_sides=_both_sides(decided),
        summary=page.table(_summary(decided)),
        claims=[_section(claim, decisions, figures.get(claim.id, "")) for claim, decisions in decided],
        sources=page.table([["results", "measured"], *([name, text or "computed"] for name, text in sources.items())]),
    )


def counts(verdicts: Sequence[str]) -> str:
    """How often each verdict occurs: `3 supported, 1 refuted`."""
    counter = Counter(verdicts)
    return ", ".join(f"{counter[name]} {name}" for name in (*VERDICTS, "mixed") if counter[name])


def _both_sides(decided: Sequence[tuple[Claim, Sequence[Decision]]]) -> str:
    """The ids of the claims with supported and refuted regimes."""
    by_claim = {claim.id: {d.verdict for d in decisions if not d.regime.explains} for claim, decisions in decided}
    return ", ".join(name for name, verdicts in by_claim.items() if {"supported", "refuted"} <= verdicts) or "none"


def rule(regime: Regime) -> str:
    """The decision rule of a regime as a sentence."""
    quantity = f"{regime.table}.{regime.column}"
    if regime.rule == "trend":
        quantity = f"the Theil–Sen slope of {quantity} along {regime.over}"
    if regime.reduce != "mean":
        quantity = f"{regime.reduce} of {quantity}"
    if regime.rule == "order":
        quantity = f"the share of seeds (ties half) with a higher {quantity}"
    rows = _conditions(regime.where)
    reference = f", compared with {_conditions(regime.against)} seed by seed" if regime.against else ""
    return f"{quantity}{f' at {rows}' if rows else ''}{reference}: {claimed(regime)}; n = {regime.n}"


def claimed(regime: Regime) -> str:
    """The claimed set in words."""
    low, high = ("" if end is None else rounded(end, 6) for end in regime.claimed)
    if not low or not high:
        return f"above {low}" if low else f"below {high}"
    return f"equal to {low}" if regime.low == regime.high else f"within [{low}, {high}]"


def effect(decision: Decision) -> str:
    """The mean with its interval, as the text of a cell."""
    if decision.regime.rule == "identity" and len(decision.values):
        ends = (decision.mean, decision.low, decision.high)
        mean, low, high = (rounded(end, 6).replace("-", "−") for end in ends)
        if low == high:  # the error is below the last digit
            return mean
    return number(Interval(decision.mean, decision.low, decision.high, len(decision.values)))


def _conditions(where: Mapping[str, Any]) -> str:
    conditions = []
    for column, value in where.items():
        is_list = isinstance(value, list | tuple)
        conditions.append(f"{column}={' or '.join(map(text, value)) if is_list else text(value) or 'none'}")
    return ", ".join(conditions)


def _summary(decided: Sequence[tuple[Claim, Sequence[Decision]]]) -> list[list[str]]:
    heading = ["claim", "verdict", "statement", "regimes"]
    return [
        heading,
        *(
            [c.id, overall(decisions), c.statement, counts([d.verdict for d in decisions if not d.regime.explains])]
            for c, decisions in decided
        ),
    ]


def _section(claim: Claim, decisions: Sequence[Decision], path: str) -> dict[str, Any]:
    """The fields of one claim for the template, with the path of its figure."""
    return {
        "id": claim.id,
        "statement": claim.statement,
        "source": claim.source,
        "commands": _commands(claim),
        "verdict": overall(decisions),
        "why": claim.why,
        "table": page.table(_rows([d for d in decisions if not d.regime.explains], family=claim.id)),
        "explained": page.table(_rows([d for d in decisions if d.regime.explains], family=f"{claim.id}, explained")),
        "figure": path,
    }


def _rows(decisions: Sequence[Decision], *, family: str) -> list[list[str]]:
    """A heading and a row for each decision; empty without decisions. A regime outside `family` names its family."""
    if not decisions:
        return []
    heading = ["regime", "verdict", "found [95 %]", "claimed", "n", "p for (Holm)", "p against (Holm)", "rule", "from"]
    rows = [
        [
            d.regime.regime + (f" (adjusted within {d.regime.family})" if d.regime.family != family else ""),
            d.verdict,
            effect(d),
            claimed(d.regime),
            d.note or "computed" if d.regime.rule == "identity" else f"{len(d.values)} of {d.regime.n}",
            p_value(d.p_supported),
            p_value(d.p_refuted),
            rule(d.regime) + (f" ({d.note})" if d.note and d.regime.rule != "identity" else ""),
            d.regime.results,
        ]
        for d in decisions
    ]
    return [heading, *rows]


def _commands(claim: Claim) -> Markdown:
    """The commands that measure the evidence for a claim, in the order of its regimes."""
    return Markdown(", ".join(f"`python -m {command}`" for command in dict.fromkeys(map(_command, claim.regimes))))


def _command(regime: Regime) -> str:
    if regime.results == "across":
        return "actbench.report FOLDERS"
    if regime.rule != "identity" or "/" in regime.table:  # runs, or a statistic of runs
        return f"actbench +experiment={regime.results}"
    return "actbench.catalogue --cost" if regime.table == "cost" else "actbench.catalogue"

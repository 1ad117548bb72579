"""The page of the ledger: results/ledger/report.md and report.html, with a figure for each claim."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl

from actbench.compare.intervals import Interval
from actbench.figures import style
from actbench.ledger import figure
from actbench.ledger.claims import Claim, Regime
from actbench.ledger.verdicts import VERDICTS, Decision, overall
from actbench.report import numbers, page
from actbench.report.numbers import p_value
from actbench.report.page import Markdown
from actbench.tables.text import text

_TITLE = "The ledger: what activation functions are said to do, and what they do"


def write(folder: Path, decided: Sequence[tuple[Claim, Sequence[Decision]]], *, sources: Mapping[str, str]) -> Path:
    """Write figures/, report.md and report.html into `folder` and return the path of report.html.

    `sources` maps each results folder to the origin of its data, "" for computed facts.
    """
    figures = folder / "figures"
    figures.mkdir(exist_ok=True)
    for old in figures.glob("C*.png"):
        old.unlink()
    with mpl.rc_context(style.style()):
        for claim, decisions in decided:
            if any(len(decision.values) for decision in decisions):
                style.save(figure.regimes(decisions), figures / f"{claim.id}.png")
    markdown = page.template(Path(__file__).with_name("ledger.md.j2")).render(
        title=_TITLE,
        counts=counts([overall(decisions) for _, decisions in decided]),
        regimes=counts([d.verdict for _, decisions in decided for d in decisions if not d.regime.explains]),
        both_sides=_both_sides(decided),
        summary=page.table(_summary(decided)),
        claims=[_section(claim, decisions, figures) for claim, decisions in decided],
        sources=page.table([["results", "measured"], *([name, text or "computed"] for name, text in sources.items())]),
    )
    (folder / "report.md").write_text(markdown, encoding="utf-8")
    (folder / "report.html").write_text(page.render(markdown, title=_TITLE, folder=folder), encoding="utf-8")
    return folder / "report.html"


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
    low, high = regime.claimed
    if low is None:
        return f"below {high:g}"
    if high is None:
        return f"above {low:g}"
    return f"equal to {low:g}" if low == high else f"within [{low:g}, {high:g}]"


def effect(decision: Decision) -> str:
    """The mean with its interval, as the text of a cell."""
    if decision.regime.rule == "identity" and len(decision.values):
        mean, low, high = (f"{value:.6g}".replace("-", "−") for value in (decision.mean, decision.low, decision.high))
        if low == high:  # the error is below the last digit
            return mean
    return numbers.number(Interval(decision.mean, decision.low, decision.high, len(decision.values)))


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


def _section(claim: Claim, decisions: Sequence[Decision], figures: Path) -> dict[str, Any]:
    """The fields of one claim for the template."""
    has_figure = (figures / f"{claim.id}.png").is_file()
    return {
        "id": claim.id,
        "statement": claim.statement,
        "source": claim.source,
        "commands": _commands(claim),
        "verdict": overall(decisions),
        "why": claim.why,
        "table": page.table(_rows([d for d in decisions if not d.regime.explains], family=claim.id)),
        "explained": page.table(_rows([d for d in decisions if d.regime.explains], family=f"{claim.id}, explained")),
        "figure": Markdown(f"figures/{claim.id}.png") if has_figure else "",
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

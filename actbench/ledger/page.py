"""Decided claims -> results/ledger/report.md and report.html, with a figure for each claim."""

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
from actbench.report.numbers import chance
from actbench.report.page import Markdown
from actbench.tables.text import text

_TITLE = "The ledger: what activation functions are said to do, and what they do"


def write(folder: Path, decided: Sequence[tuple[Claim, Sequence[Decision]]], *, sources: Mapping[str, str]) -> Path:
    """Make figures/, report.md and report.html in `folder`; the path of report.html.

    `sources` tells of each results folder what measured it, "" for what is computed.
    """
    figures = folder / "figures"
    figures.mkdir(exist_ok=True)
    for old in figures.glob("C*.png"):
        old.unlink()
    with mpl.rc_context(style.style()):
        for claim, own in decided:
            if any(len(decision.values) for decision in own):
                style.save(figure.regimes(own), figures / f"{claim.id}.png")
    markdown = page.template(Path(__file__).with_name("ledger.md.j2")).render(
        title=_TITLE,
        counts=counts([overall(own) for _, own in decided]),
        regimes=counts([decision.verdict for _, own in decided for decision in own if not decision.regime.explains]),
        both_sides=_both_sides(decided),
        summary=page.table(_summary(decided)),
        claims=[_section(claim, own, figures) for claim, own in decided],
        sources=page.table([["results", "measured"], *([name, told or "computed"] for name, told in sources.items())]),
    )
    (folder / "report.md").write_text(markdown, encoding="utf-8")
    (folder / "report.html").write_text(page.render(markdown, title=_TITLE, folder=folder), encoding="utf-8")
    return folder / "report.html"


def counts(verdicts: Sequence[str]) -> str:
    """`3 supported, 1 refuted`."""
    found = Counter(verdicts)
    return ", ".join(f"{found[name]} {name}" for name in (*VERDICTS, "mixed") if found[name])


def _both_sides(decided: Sequence[tuple[Claim, Sequence[Decision]]]) -> str:
    """The ids of the claims with supported and refuted regimes."""
    verdicts = {
        claim.id: {decision.verdict for decision in own if not decision.regime.explains} for claim, own in decided
    }
    return ", ".join(name for name, own in verdicts.items() if {"supported", "refuted"} <= own) or "none"


def rule(regime: Regime) -> str:
    """The decision rule of a regime as a sentence."""
    what = f"{regime.table}.{regime.column}"
    if regime.rule == "trend":
        what = f"the Theil–Sen slope of {what} along {regime.over}"
    if regime.reduce != "mean":
        what = f"{regime.reduce} of {what}"
    if regime.rule == "order":
        what = f"the share of seeds (ties half) with a higher {what}"
    rows = _conditions(regime.where)
    compared = f", compared with {_conditions(regime.against)} seed by seed" if regime.against else ""
    return f"{what}{f' at {rows}' if rows else ''}{compared}: {claimed(regime)}; n = {regime.n}"


def claimed(regime: Regime) -> str:
    """The claimed set in words."""
    low, high = regime.claimed
    if low is None:
        return f"below {high:g}"
    if high is None:
        return f"above {low:g}"
    return f"equal to {low:g}" if low == high else f"within [{low:g}, {high:g}]"


def effect(decision: Decision) -> str:
    """The mean with its interval, as written in a cell."""
    if decision.regime.rule == "identity" and len(decision.values):
        mean, low, high = (f"{value:.6g}".replace("-", "−") for value in (decision.mean, decision.low, decision.high))
        if low == high:  # an error below what is shown
            return mean
    found = Interval(decision.mean, decision.low, decision.high, len(decision.values))
    return numbers.number(found)


def _conditions(where: Mapping[str, Any]) -> str:
    said = []
    for column, wanted in where.items():
        several = isinstance(wanted, list | tuple)
        said.append(f"{column}={' or '.join(map(text, wanted)) if several else text(wanted) or 'none'}")
    return ", ".join(said)


def _summary(decided: Sequence[tuple[Claim, Sequence[Decision]]]) -> list[list[str]]:
    heading = ["claim", "verdict", "statement", "regimes"]
    return [
        heading,
        *(
            [c.id, overall(own), c.statement, counts([d.verdict for d in own if not d.regime.explains])]
            for c, own in decided
        ),
    ]


def _section(claim: Claim, own: Sequence[Decision], figures: Path) -> dict[str, Any]:
    """What the template needs of one claim."""
    drawn = (figures / f"{claim.id}.png").is_file()
    return {
        "id": claim.id,
        "statement": claim.statement,
        "source": claim.source,
        "commands": _commands(claim),
        "verdict": overall(own),
        "why": claim.why,
        "table": page.table(_rows([d for d in own if not d.regime.explains], family=claim.id)),
        "explained": page.table(_rows([d for d in own if d.regime.explains], family=f"{claim.id}, explained")),
        "figure": Markdown(f"figures/{claim.id}.png") if drawn else "",
    }


def _rows(own: Sequence[Decision], *, family: str) -> list[list[str]]:
    """Heading and a row for each decision; no row, no table. Those of another family than most say which."""
    if not own:
        return []
    heading = ["regime", "verdict", "found [95 %]", "claimed", "n", "p for (Holm)", "p against (Holm)", "rule", "from"]
    rows = [
        [
            d.regime.regime + (f" (adjusted within {d.regime.family})" if d.regime.family != family else ""),
            d.verdict,
            effect(d),
            claimed(d.regime),
            d.note or "computed" if d.regime.rule == "identity" else f"{len(d.values)} of {d.regime.n}",
            chance(d.p_supported),
            chance(d.p_refuted),
            rule(d.regime) + (f" ({d.note})" if d.note and d.regime.rule != "identity" else ""),
            d.regime.results,
        ]
        for d in own
    ]
    return [heading, *rows]


def _commands(claim: Claim) -> Markdown:
    """What measures all that decides it, in the order of its regimes."""
    return Markdown(", ".join(f"`python -m {command}`" for command in dict.fromkeys(map(_command, claim.regimes))))


def _command(regime: Regime) -> str:
    if regime.results == "across":
        return "actbench.report FOLDERS"
    if regime.rule != "identity" or "/" in regime.table:  # seeds, or a statistic of them
        return f"actbench +experiment={regime.results}"
    return "actbench.catalogue --cost" if regime.table == "cost" else "actbench.catalogue"

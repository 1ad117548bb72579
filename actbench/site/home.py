"""The first page of the site: which activation suits which network, and where else to look."""

from collections.abc import Collection
from pathlib import Path

from actbench.command.options import estimated_hours
from actbench.report import page
from actbench.report.numbers import rounded
from actbench.report.page import Markdown, escape, table
from actbench.site import cost, pages, places
from actbench.site.choice import Choice, choose
from actbench.site.situations import RATES, SITUATIONS, Situation
from actbench.site.sources import Catalogue
from actbench.site.standing import TRACKS
from actbench.tables.schema import REFERENCE

TEMPLATES = Path(__file__).with_name("templates")
_NAMED = 2  # situations that the answer names; of more it says the number
_SHOWN = 3  # functions in a cell
_NOT_MEASURED = Markdown("not&nbsp;measured&nbsp;yet")


def write(catalogue: Catalogue, to: Path) -> str:
    """Write index.md below `to`, where the other pages are already; return its path there."""
    rows = {one: one.rows(catalogue.places) for one in SITUATIONS}
    choices = {one: choose(found) for one, found in rows.items() if len(found)}
    text = page.template(TEMPLATES / "home.md.j2").render(
        answer=answer(choices),
        table=_chooser(choices, catalogue, to),
        reference=REFERENCE,
        within=places.within_margin(),
        doors=Markdown(" · ".join(_doors(to))),
    )
    (to / "index.md").write_text(text, encoding="utf-8")
    return "index.md"


def answer(choices: dict[Situation, Choice]) -> str:
    """Which functions are better than the reference; of many situations, in how many there is one."""
    if not choices:
        return "None of these networks has been measured yet."
    if len(choices) <= _NAMED:
        return " ".join(_better(one, choice) for one, choice in choices.items())
    ahead = [choice for choice in choices.values() if choice.default != choice.reference]
    references = " or ".join(dict.fromkeys(choice.reference for choice in choices.values()))
    if not ahead:
        return f"In the {len(choices)} situations measured so far, nothing is shown to be better than {references}."
    return f"In {len(ahead)} of the {len(choices)} situations measured so far, a function is better than {references}."


def _better(one: Situation, choice: Choice) -> str:
    """`In the MLP on digits, at one learning rate for all, lisht and 4 others are better than relu.`"""
    others = len(choice.alternatives)
    if choice.default == choice.reference:
        who = "none is shown to be"
    elif others:
        who = f"{choice.default} and {others} other{'s' if others > 1 else ''} are"
    else:
        who = f"{choice.default} is"
    return f"In the {one.place}, {TRACKS[one.track]}, {who} better than {choice.reference}."


def _chooser(choices: dict[Situation, Choice], catalogue: Catalogue, to: Path) -> str:
    """A row for each situation that was measured, and one for each network that was not."""
    heading = [
        "your network",
        "data",
        "learning rate",
        "default",
        "good alternatives",
        "where time counts",
        "avoid",
        "comparison",
    ]
    rows: dict[tuple[str, str], list[object]] = {}
    for one in SITUATIONS:
        if one in choices:
            rows[one.place, one.track] = [
                one.network,
                one.data,
                RATES[one.track],
                *_measured(one, choices[one], catalogue, to),
            ]
        else:
            rates = [RATES[other.track] for other in SITUATIONS if other.place == one.place and other not in choices]
            left = _not_measured(one, choices, to)
            rows.setdefault((one.place, ""), [one.network, one.data, " or ".join(rates), *left])
    return table([heading, *rows.values()])


def _measured(one: Situation, choice: Choice, catalogue: Catalogue, to: Path) -> list[object]:
    """What to use in a situation, and the comparison that shows it."""
    undecided = f"{choice.num} compared with {choice.reference}, {len(choice.undecided)} undecided"
    return [
        _activation(choice.default, to),
        _names(choice.alternatives, to),
        _cheapest([choice.reference, *choice.no_worse], catalogue, to),
        _names(choice.avoid, to),
        _link(undecided, f"results/{one.experiment}/report.md", to),
    ]


def _not_measured(one: Situation, choices: Collection[Situation], to: Path) -> list[object]:
    """The command that would tell, or the report of an experiment without a comparison on any track."""
    report = f"results/{one.experiment}/report.md"
    if (to / report).is_file() and one.experiment not in {other.experiment for other in choices}:
        return ["not compared yet", "", "", "", _link("its report", report, to)]
    return [_NOT_MEASURED, "", "", "", _command(one.experiment)]


def _command(experiment: str) -> Markdown:
    """`+experiment=NAME`, an estimated 14 core-hours"""
    hours = estimated_hours(experiment)
    return Markdown(f"`+experiment={experiment}`" + (f", an estimated {hours} core-hours" if hours else ""))


def _names(variants: list[str], to: Path) -> Markdown:
    """The first of the variants, each with a link, and how many more."""
    more = [f"{len(variants) - _SHOWN} more"] if len(variants) > _SHOWN else []
    names = [_activation(variant, to) for variant in variants[:_SHOWN]]
    return Markdown(", ".join([*names, *more]) or "–")


def _cheapest(variants: list[str], catalogue: Catalogue, to: Path) -> Markdown:
    """The one of the variants whose function takes least time, with the time against ReLU's."""
    ratios = {one: cost.ratio(cost.of(one.partition(" ")[0], catalogue.tables["cost"])) for one in variants}
    known = {variant: ratio for variant, ratio in ratios.items() if ratio is not None}
    if not known:
        return Markdown("")
    name = min(known, key=lambda variant: known[variant])
    times = "" if name == REFERENCE else f", {rounded(known[name], 2)} × ReLU's time"
    return Markdown(f"{_activation(name, to)}{times}")


def _activation(variant: str, to: Path) -> Markdown:
    return _link(variant, f"activations/{variant.partition(' ')[0]}.md", to)


def _link(text: str, path: str, to: Path) -> Markdown:
    """A link to a page of the site, or its text where there is none."""
    return Markdown(f"[{escape(text)}]({path})") if (to / path).is_file() else escape(text)


def _doors(to: Path) -> list[Markdown]:
    """Where the other answers are."""
    doors = [
        ("Is it true what is said of them?", "results/ledger/report.md"),
        ("What is each function, and what does it cost?", "activations/index.md"),
        ("What was measured, and what came out?", "results/README.md"),
    ]
    doors += [(pages.title(guide), "docs/README.md")] if (guide := to / "docs" / "README.md").is_file() else []
    return [_link(question, path, to) for question, path in doors if (to / path).is_file()]

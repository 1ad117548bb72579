"""An activation that the command names, a user's own or one of conf/act with other parameters, computed on the spot."""

from dataclasses import dataclass, replace
from pathlib import Path

import matplotlib as mpl
import pandas as pd

from actbench.command.options import is_ours
from actbench.figures import functions as function_figures
from actbench.figures import style
from actbench.tables.functions import Facts


@dataclass(frozen=True)
class Own:
    """A function with its tables `properties` and `curves`, as the catalogue has them."""

    name: str
    properties: pd.DataFrame
    curves: pd.DataFrame

    def draw(self, to: Path) -> str:
        """Draw f and its derivatives into the site; return the figure's path there."""
        place = f"activations/{self.name}.png"
        (to / place).parent.mkdir(parents=True, exist_ok=True)
        with mpl.rc_context(style.style()):
            style.save(function_figures.card(self.curves, Facts(self.properties)), to / place)
        return place


def curves_of_ours() -> pd.DataFrame:
    """The curves of conf/act at the defaults, for a results root without the catalogue."""
    from actbench.catalogue import entries
    from actbench.catalogue.curves import curves_of

    return pd.concat([curves_of(replace(entries.load(name), parameters={})) for name in entries.names()])


def compute(arguments: list[str]) -> Own:
    """The function that `+act=custom act._target_=mine.f` names, as the main command reads it.

    One of conf/act is called `my_elu`, so that the published one keeps its page.

    Raises:
        ValueError: If the arguments are wrong, or the activation is not a function of one tensor.
    """
    from actbench.catalogue import entries, publish  # torch, which the site needs for nothing else
    from actbench.catalogue.curves import curves_of

    activation = entries.read(arguments)
    if is_ours("act", activation.name):
        activation = replace(activation, name=f"my_{activation.name}")
    properties = publish.facts_frame([activation])
    return Own(activation.name, properties, curves_of(replace(activation, parameters={})))

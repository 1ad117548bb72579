"""Arguments of any value, as Hydra parses them: what is rewritten for a sweep keeps its key and its value."""

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hypothesis import example, given
from hypothesis import strategies as st

from actbench.command.check import key_of
from actbench.command.line import hydra_arguments

NAMES = st.from_regex(r"[a-z][a-z_0-9]{0,8}", fullmatch=True)
KEYS = st.lists(NAMES, min_size=1, max_size=3).map(".".join)
NUMBERS = st.integers().map(str) | st.floats().map(repr)
QUOTED = st.text(st.sampled_from("ab ,=:[]{}()"), min_size=1).map("'{}'".format)
SCALARS = NUMBERS | NAMES.filter(lambda name: name != "null") | QUOTED
VALUES = SCALARS | st.lists(SCALARS, min_size=1, max_size=3).map(lambda values: f"[{','.join(values)}]")


def _parsed(argument: str) -> Override:
    return OverridesParser.create().parse_override(argument)


def _values(override: Override) -> list:
    """What an argument sets, once for each job of its sweep."""
    if not override.is_sweep_override():
        return [override.value()]
    return [_parsed(f"key={text}").value() for text in override.sweep_string_iterator()]


@given(VALUES)
@example("1e-05")
@example("'a,b'")
@example("[0.5,1]")
def test_a_fixed_key_of_a_swept_activation_keeps_its_value(value):
    """Whatever it is rewritten to, since Hydra does not know act.alpha before an activation is chosen."""
    words = ["-m", "+act=elu,celu", f"act.alpha={value}", "model.width=16"]
    parsed = [_parsed(word) for word in hydra_arguments(words) if word != "-m"]
    values = {override.key_or_group: repr(_values(override)) for override in parsed}  # nan differs from itself
    assert values == {
        "act": "['elu', 'celu']", "act.alpha": repr([_parsed(words[2]).value()]), "model.width": "[16]",
    }  # fmt: skip


@given(st.sampled_from(["", "+", "++"]), KEYS, VALUES)
def test_the_key_of_an_argument_is_the_one_that_hydra_reads(sign, key, value):
    assert key_of(f"{sign}{key}={value}") == key == _parsed(f"{sign}{key}={value}").key_or_group

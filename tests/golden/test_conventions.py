"""Each framework's knobs, and what is asked when something is open."""

import json

import pytest

from spikeloom.golden.conventions import CONVENTIONS, KNOBS, Knobs, resolve
from spikeloom.golden.network import Refusal

ORDER = (
    "dt",
    "decay",
    "membrane_gain",
    "synapse_gain",
    "compare",
    "reset",
    "reset_when",
    "spikes",
    "v_min",
    "start",
    "lag",
)
#: Those that may be open; `start` has an answer where nobody gives one.
OPEN = set(ORDER) - {"start"}
TABLE = {
    "snntorch": (1e-4, "euler", "ode", "ode", "gt", "subtract", "next-step", "one", "none", "zero", False),
    "norse": (None, "euler", "ode", "unit", "gt", "zero", "same-step", "one", "none", "leak", False),
    "sinabs": (1.0, "exponential", "one-minus-decay", None, "ge", "subtract", "same-step", "many", None, "zero", False),
    "spikingjelly": (None, "euler", "ode", "unit", "ge", "zero", "same-step", "one", "none", "reset", False),
    "rockpool": (None, "exponential", "unit", "decayed", "ge", "subtract", "same-step", "many", "none", "zero", False),
    "spyx": (None, "euler", "unit", "unit", "gt", "subtract", "next-step", "one", "none", "zero", True),
    "euler": (None, "euler", "ode", "ode", "gt", "zero", "same-step", "one", "none", "zero", False),
    "exponential": (None, "exponential", "ode", "ode", "gt", "zero", "same-step", "one", "none", "zero", False),
}


def test_table() -> None:
    assert tuple(KNOBS) == ORDER
    assert {name: tuple(getattr(k, knob) for knob in ORDER) for name, k in CONVENTIONS.items()} == TABLE
    assert all(resolve(name).convention == name for name in TABLE)
    assert json.loads(json.dumps(resolve("snntorch").as_dict()))["dt"] == 1e-4


@pytest.mark.parametrize(
    ("knobs", "types", "asked"),
    [
        (Knobs(), {"LIF"}, OPEN - {"synapse_gain"}),
        (Knobs(), {"IF"}, OPEN - {"synapse_gain", "decay"}),
        (Knobs(), {"CubaLIF"}, OPEN),
        (Knobs(), {"Affine"}, set()),
        (Knobs(reset="zero"), {"LIF"}, OPEN - {"synapse_gain", "reset", "reset_when"}),
        (Knobs(membrane_gain="unit"), {"IF"}, OPEN - {"synapse_gain", "decay", "membrane_gain", "dt"}),
        (resolve("norse"), {"LIF"}, {"dt"}),
        (resolve("sinabs"), {"LIF"}, {"v_min"}),
        (resolve("snntorch"), {"IF", "LIF", "CubaLIF"}, set()),
        (resolve("spyx", {"dt": 1}), {"LIF"}, set()),
    ],
)
def test_questions(knobs: Knobs, types: set[str], asked: set[str]) -> None:
    assert {question.knob for question in knobs.questions(types)} == asked


def test_question_text() -> None:
    texts = {q.knob: str(q) for q in Knobs().questions({"LIF"})}
    assert texts["reset_when"] == "--reset-when same-step|next-step: when the threshold is subtracted"
    assert texts["lag"].startswith("--lag or --no-lag: ")
    assert texts["v_min"].startswith("--v-min none or NUMBER: ")


def test_overrides() -> None:
    knobs = resolve("snntorch", {"dt": 1e-3, "reset": None, "compare": "ge"})
    assert (knobs.dt, knobs.reset, knobs.compare, knobs.convention) == (1e-3, "subtract", "ge", "snntorch")
    assert resolve(None, {"lag": True}).reset_when == "next-step"
    assert resolve(None, {"lag": True, "reset_when": "same-step"}).reset_when == "same-step"
    assert resolve() == Knobs()


def test_a_convention_fills_what_is_not_given() -> None:
    assert Knobs(convention="snntorch") == resolve("snntorch") == resolve(Knobs(convention="snntorch"))
    assert Knobs(convention="norse", dt=1e-3) == resolve("norse", {"dt": 1e-3})
    assert Knobs(convention="norse").dt is None
    assert Knobs(convention="norse", lag=True) == resolve("norse", {"lag": True})
    assert resolve(Knobs(dt=1.0), {"decay": "euler"}) == Knobs(dt=1.0, decay="euler")


@pytest.mark.parametrize(
    ("convention", "overrides", "message"),
    [
        (
            "keras",
            {},
            "there is no convention 'keras'; there are snntorch, norse, sinabs, spikingjelly, rockpool, spyx, euler, "
            "exponential",
        ),
        (
            3,
            {},
            "knobs must be Knobs or the name of a convention (snntorch, norse, sinabs, spikingjelly, rockpool, spyx, "
            "euler, exponential), not 3",
        ),
        (None, {"beta": 1}, f"there is no knob 'beta'; there are {', '.join(ORDER)}"),
        (None, {"convention": "norse"}, f"there is no knob 'convention'; there are {', '.join(ORDER)}"),
        (None, {"decay": "fast"}, "decay must be euler or exponential, not 'fast'"),
        (None, {"dt": 0}, "dt must be a positive number, not 0"),
        (None, {"dt": float("nan")}, "dt must be a positive number, not nan"),
        (None, {"v_min": "low"}, "v_min must be a number or 'none', not 'low'"),
        (None, {"v_min": float("inf")}, "v_min must be a number or 'none', not inf"),
        (
            "norse",
            {"spikes": "many"},
            "spikes 'many' needs reset 'subtract': a reset to one value leaves nothing to count",
        ),
    ],
)
def test_refused(convention: str | None, overrides: dict, message: str) -> None:
    with pytest.raises(Refusal) as refusal:
        resolve(convention, overrides)
    assert str(refusal.value) == message

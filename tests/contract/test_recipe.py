"""The key and the seed of an utterance: functions of what the audio may depend on, and of nothing else."""

from __future__ import annotations

import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rhapsode import recipe
from rhapsode.model import EngineIdentity, Order, Sampling, Voice

BASE = {
    "text": "The tide clock had stopped.",
    "voice": Voice("heart"),
    "sampling": Sampling(speed=1.0),
    "weights_digest": "ab" * 32,
    "precision": "int8",
    "take": 1,
}
OTHERS = [
    ("text", "The tide clock had stopped!"),
    ("voice", Voice("emma")),
    ("voice", Voice("heart", "a tired old sailor")),
    ("sampling", Sampling(speed=1.1)),
    ("sampling", Sampling(speed=1.0, temperature=0.4)),
    ("sampling", Sampling(speed=1.0, top_p=0.9)),
    ("sampling", Sampling(speed=1.0, repetition_penalty=1.1)),
    ("weights_digest", "cd" * 32),
    ("precision", "float32"),
    ("take", 2),
    ("parts", ["The tide clock", "had stopped."]),
    ("parts", ["The tide", "clock had stopped."]),
]


def test_every_ingredient_changes_key_and_seed():
    assert {name for name, _ in OTHERS} == {*BASE, "parts"} == set(inspect.signature(recipe.utterance).parameters)
    made = [recipe.utterance(**BASE), *(recipe.utterance(**BASE | {name: value}) for name, value in OTHERS)]
    assert len({one.key for one in made}) == len({one.seed for one in made}) == len(made)


def test_recipe_version_changes_key_and_seed(monkeypatch):
    before = recipe.utterance(**BASE)
    monkeypatch.setattr(recipe, "RECIPE_VERSION", recipe.RECIPE_VERSION + 1)
    after = recipe.utterance(**BASE)
    assert before.key != after.key and before.seed != after.seed


def test_the_same_ingredients_make_the_same_utterance():
    assert recipe.utterance(**BASE) == recipe.utterance(**BASE)


def test_keys_are_stable():
    """A changed value here orphans every stored object: bump RECIPE_VERSION and say so in the CHANGELOG."""
    one = recipe.utterance(**BASE)
    assert (one.key[:16], one.seed) == ("edbad58a22ba7253", 89364750098180508)


def test_names_of_jobs_are_stable():
    """A changed value here orphans the evidence of every later round: what was listened to is listened to again."""
    assert recipe.later_job(1, [Order(5, 2), Order(3, 2, sampling=Sampling(speed=0.95))]).name == "5644e6bbb171ab94"
    others = [
        Order(5, 2),
        Order(5, 2, parts=("One.", "Two.")),
        Order(5, 2, engine=EngineIdentity("tone", "ab", "int16")),
    ]
    assert len({recipe.later_job(1, [order]).name for order in others}) == len(others)


def test_a_part_is_said_as_if_it_stood_alone():
    whole = recipe.utterance(**BASE, parts=["The tide clock", "had stopped."])
    assert whole.parts == tuple(
        recipe.utterance(**BASE | {"text": text}) for text in ("The tide clock", "had stopped.")
    )


@given(text=st.text(min_size=1), take=st.integers(1, 1000))
def test_seed_and_key_have_their_ranges(text, take):
    one = recipe.utterance(**BASE | {"text": text, "take": take})
    assert 0 <= one.seed < 2**63 and len(one.key) == 64 and int(one.key, 16) >= 0


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_without_a_canonical_form_is_refused(value):
    with pytest.raises(ValueError, match="JSON"):
        recipe.digest({"speed": value})

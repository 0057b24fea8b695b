"""What every engine promises, as functions that raise AssertionError where the promise is broken.

All comparisons are bit for bit, on 16-bit samples. `alone` is the reference: each utterance in a session of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import numpy as np

from rhapsode.engines.protocol import Engine, audio_of
from rhapsode.engines.registry import load_engine, sampling_of, voice_of
from rhapsode.errors import BadRequest, SynthesisFailed
from rhapsode.model import Sampling, Take, Utterance, Voice
from rhapsode.recipe import utterance
from rhapsode.settings import EngineName
from tests.contract.leaky import leaky

TEXTS = (
    "The tide clock had stopped again.",
    "“Who is there?” she asked, and nobody answered.",
    "On the 3rd of May, 1,250 gulls came.",
    "No.",
    "It was quiet; then the bell rang twice—once for the boats, once for the dead.",
)
SHORT_TEXTS = ("The water was dark.", "Nobody believed it.", "She sang to them.")
"""For engines that compute every token."""
NOTHING_TO_SAY = "* * *"

Heard = dict[str, bytes]  # key of an utterance -> its samples, and how sure the model was


def subject(name: str) -> Engine:
    """An engine of the registry, or a fresh one of those that are made to break a promise."""
    return leaky(name) or load_engine(EngineName(name))


def texts_of(engine: Engine) -> Sequence[str]:
    return TEXTS if engine.codec is None else SHORT_TEXTS


def utterances(engine: Engine, texts: Sequence[str] | None = None, take: int = 1) -> list[Utterance]:
    texts = texts_of(engine) if texts is None else texts
    voice, sampling, stack = voice_of(engine, ""), sampling_of(engine, None), engine.stack
    return [utterance(text, voice, sampling, stack.weights_digest, stack.precision, take) for text in texts]


def heard(engine: Engine, takes: Iterable[Take]) -> Heard:
    result: Heard = {}
    for take in takes:
        assert take.utterance.key not in result, "an utterance was spoken twice"
        # The mass on legal ids shows the last bits of a model's scores, where a weak leak may leave the tokens alone.
        mass = np.array(take.tokens.legal_mass if take.tokens else ()).tobytes()
        result[take.utterance.key] = audio_of(take, engine.codec).samples.tobytes() + mass
    return result


def speak(engine: Engine, wanted: Sequence[Utterance]) -> Heard:
    with engine.session() as session:
        return heard(engine, session.speak(wanted))


def alone(engine: Engine, wanted: Sequence[Utterance]) -> Heard:
    return {key: samples for one in wanted for key, samples in speak(engine, [one]).items()}


def same(actual: Heard, expected: Heard) -> None:
    assert actual.keys() == expected.keys(), "other utterances were spoken than were asked for"
    changed = [key[:8] for key in expected if actual[key] != expected[key]]
    assert not changed, f"{len(changed)} of {len(expected)} takes have other samples: {changed}"


def refuses(error: type[Exception], action: Callable[[], object]) -> None:
    try:
        action()
    except error:
        return
    raise AssertionError(f"no {error.__name__} was raised")


# -- the promises ------------------------------------------------------------------------------------------------------


def speaks_each_utterance_once(engine: Engine) -> None:
    wanted = utterances(engine)
    with engine.session() as session:
        takes = list(session.speak(wanted))
    assert sorted(take.utterance.key for take in takes) == sorted(one.key for one in wanted)
    for take in takes:
        assert take.utterance in wanted
        assert (take.audio is None) == (engine.codec is not None), "a take is audio, or tokens for a codec"
        audio = audio_of(take, engine.codec)
        assert audio.sample_rate_hz == engine.sample_rate_hz
        assert audio.samples.dtype == np.int16 and audio.samples.ndim == 1
        assert audio.duration_s > 0.2 and np.abs(audio.samples).max() > 300, "silence"
        assert take.elapsed_s > 0


def forgets_what_it_said(engine: Engine) -> None:
    wanted = utterances(engine)
    with engine.session() as session:
        later = {one.key: heard(engine, session.speak([one]))[one.key] for _ in range(2) for one in wanted}
    same(later, alone(engine, wanted))


def ignores_the_order(engine: Engine) -> None:
    wanted = utterances(engine)
    expected = alone(engine, wanted)
    same(speak(engine, wanted), expected)
    same(speak(engine, wanted[::-1]), expected)


def ignores_other_sessions(engine: Engine) -> None:
    """Sessions in threads, as ranges are spoken; and two in one thread whose takes alternate."""
    wanted = utterances(engine)
    expected = alone(engine, wanted)
    with ThreadPoolExecutor(4) as threads:
        turned = [wanted[i:] + wanted[:i] for i in range(4)] * 3
        for result in threads.map(lambda order: speak(engine, order), turned):
            same(result, expected)
    with engine.session() as first, engine.session() as second:
        mine, theirs = zip(*zip(first.speak(wanted), second.speak(wanted[::-1]), strict=True), strict=True)
        same(heard(engine, mine), expected)
        same(heard(engine, theirs), expected)


def forgets_an_aborted_call(engine: Engine) -> None:
    wanted = utterances(engine)
    expected = alone(engine, wanted)
    with engine.session() as session:
        takes = session.speak(wanted)
        next(takes)
        takes.close()  # type: ignore[attr-defined] # both are generators; a caller that stops early closes them so
        same(heard(engine, session.speak(wanted)), expected)
    same(speak(engine, wanted), expected)


def forgets_a_refusal(engine: Engine) -> None:
    wanted = utterances(engine)
    expected = alone(engine, wanted)
    (refused,) = utterances(engine, [NOTHING_TO_SAY])
    done: list[Take] = []
    with engine.session() as session:
        refuses(SynthesisFailed, lambda: done.extend(session.speak([refused])))
        refuses(SynthesisFailed, lambda: [done.append(take) for take in session.speak([*wanted[:2], refused])])
        same(heard(engine, done), {one.key: expected[one.key] for one in wanted[:2]})
        same(heard(engine, session.speak(wanted)), expected)
    same(speak(engine, wanted), expected)


def varies_with_take_and_text(engine: Engine) -> None:
    first, second = (speak(engine, utterances(engine, take=take)) for take in (1, 2))
    assert len({*first.values(), *second.values()}) == 2 * len(first), "another take or text, the same samples"


def ends_with_its_session(engine: Engine) -> None:
    wanted = utterances(engine)
    with engine.session() as session:
        begun = session.speak(wanted)
        next(begun)
    refuses(RuntimeError, lambda: list(session.speak(wanted)))
    refuses(RuntimeError, lambda: next(begun))


def refuses_what_it_does_not_know(engine: Engine) -> None:
    (one,) = utterances(engine, TEXTS[:1])
    known = engine.sampling
    if known == Sampling(speed=1.0):
        wrong = [replace(known, temperature=0.5), replace(known, speed=None), replace(known, speed=9.0)]
    else:
        assert None not in (known.temperature, known.top_p, known.repetition_penalty) and known.speed is None
        wrong = [replace(known, speed=1.0), replace(known, temperature=None), replace(known, top_p=1.5)]
    for sampling in wrong:
        refuses(BadRequest, partial(speak, engine, [replace(one, sampling=sampling)]))
    refuses(BadRequest, partial(speak, engine, [replace(one, voice=Voice("nobody"))]))
    refuses(BadRequest, partial(voice_of, engine, "nobody"))


def is_the_same_in_a_fresh_process(name: str, engine: Engine) -> None:
    """The child builds its utterances itself, so their keys are compared too."""
    # A fixed hash seed of the tests' own process must not hide that an engine depends on it.
    environment = os.environ | {"PYTHONHASHSEED": "random"}
    command = [sys.executable, "-m", "tests.contract.promises", name]
    child = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert child.returncode == 0, child.stderr
    theirs = {key: bytes.fromhex(samples) for key, samples in json.loads(child.stdout).items()}
    same(theirs, alone(engine, utterances(engine)))


PROMISES: tuple[Callable[[Engine], None], ...] = (
    speaks_each_utterance_once,
    forgets_what_it_said,
    ignores_the_order,
    ignores_other_sessions,
    forgets_an_aborted_call,
    forgets_a_refusal,
    varies_with_take_and_text,
    ends_with_its_session,
    refuses_what_it_does_not_know,
)

if __name__ == "__main__":
    fresh = subject(sys.argv[1])
    json.dump({key: samples.hex() for key, samples in speak(fresh, utterances(fresh)).items()}, sys.stdout)

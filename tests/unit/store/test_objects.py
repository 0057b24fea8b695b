from __future__ import annotations

import hashlib
import io
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given, settings
from hypothesis import strategies as st

from rhapsode.errors import EvidenceDamaged, NotInLibrary, ObjectDamaged, SynthesisFailed
from rhapsode.model import Audio
from rhapsode.store import objects, sealed
from rhapsode.store.library import Library, open_library
from rhapsode.store.objects import find_take, get_audio, get_provenance, has_take, object_path, put_take, sha256_of

from .conftest import noise

KEY = "ab12" * 16
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
PROVENANCE = st.dictionaries(st.text(), JSON, max_size=6)
SAMPLES = st.lists(st.integers(-32768, 32767), min_size=1, max_size=400).map(lambda x: np.array(x, np.int16))
RATES = st.sampled_from([8_000, 16_000, 22_050, 24_000, 44_100, 48_000])


def same(one: Audio, other: Audio) -> bool:
    return one.sample_rate_hz == other.sample_rate_hz and np.array_equal(one.samples, other.samples)


@settings(max_examples=60, deadline=None)
@given(samples=SAMPLES, rate=RATES, provenance=PROVENANCE)
def test_audio_and_provenance_come_back_without_loss(samples: Any, rate: int, provenance: dict[str, Any]) -> None:
    library = open_library("memory://round-trip")
    library.delete(object_path(KEY))
    audio = Audio(samples, rate)
    stored = put_take(library, KEY, audio, provenance)
    found = find_take(library, KEY)
    assert found == stored
    assert found is not None
    assert found.provenance == provenance
    assert found.sample_rate_hz == rate
    assert same(found.audio, audio)
    assert same(get_audio(library, KEY, sha256_of(audio)), audio)
    assert get_provenance(library, KEY, sha256_of(audio)) == provenance
    assert found.audio.samples.dtype == np.int16


def test_the_digest_is_that_of_little_endian_samples() -> None:
    audio = Audio(np.array([1, -2], np.int16), 24_000)
    assert sha256_of(audio) == hashlib.sha256(b"\x01\x00\xfe\xff").hexdigest()


def test_an_object_is_a_plain_flac(folder: Library) -> None:
    audio = noise(0.5)
    put_take(folder, KEY, audio, {"long": "灯" * 3000})
    assert folder.list() == [f"objects/ab/{KEY}.flac"]
    samples, rate = sf.read(folder.url(object_path(KEY)), dtype="int16")
    assert same(Audio(samples, rate), audio)
    assert sf.info(folder.url(object_path(KEY))).subtype == "PCM_16"


def test_a_whole_object_is_never_replaced(library: Library) -> None:
    first = put_take(library, KEY, noise(0.2, seed=1), {"stack": "one"})
    data = library.read_bytes(object_path(KEY))
    second = put_take(library, KEY, noise(0.2, seed=2), {"stack": "two"})
    assert second == first
    assert second.provenance == {"stack": "one"}
    assert library.read_bytes(object_path(KEY)) == data


def test_what_is_not_there(library: Library) -> None:
    assert find_take(library, KEY) is None
    assert not has_take(library, KEY)
    with pytest.raises(NotInLibrary, match=KEY):
        get_audio(library, KEY, "0" * 64)
    with pytest.raises(NotInLibrary, match=KEY):
        get_provenance(library, KEY, "0" * 64)


def test_a_take_without_samples_is_refused(library: Library) -> None:
    with pytest.raises(SynthesisFailed, match="no samples"):
        put_take(library, KEY, Audio(np.empty(0, np.int16), 24_000), {})
    assert not has_take(library, KEY)


@pytest.mark.parametrize("damage", ["truncated", "empty", "not-flac", "other-key", "zeros"])
def test_a_damaged_object_counts_as_absent_and_is_logged(
    damage: str, library: Library, caplog: pytest.LogCaptureFixture
) -> None:
    audio = noise(0.5)
    sha256 = put_take(library, KEY, audio, {}).sha256
    whole = library.read_bytes(object_path(KEY))
    other = "cd34" * 16
    put_take(library, other, noise(0.5), {})
    bad = {
        "truncated": whole[:-200],
        "empty": b"",
        "not-flac": b"RIFF" + whole[4:],
        "other-key": library.read_bytes(object_path(other)),
        "zeros": whole[: len(whole) // 2] + bytes(len(whole) - len(whole) // 2),
    }[damage]
    library.write_bytes(object_path(KEY), bad)
    with pytest.raises(ObjectDamaged, match=KEY) as error:
        get_audio(library, KEY, sha256)
    assert "spoken anew" in error.value.remedy
    assert not has_take(library, KEY), "it is removed, so that running again speaks it anew"
    library.write_bytes(object_path(KEY), bad)
    with caplog.at_level(logging.WARNING):
        assert find_take(library, KEY) is None
    assert KEY in caplog.text
    assert not has_take(library, KEY)
    library.write_bytes(object_path(KEY), bad)
    assert same(put_take(library, KEY, audio, {}).audio, audio)
    assert library.read_bytes(object_path(KEY)) == whole


def test_whole_samples_that_the_evidence_did_not_see_are_refused_and_kept(library: Library) -> None:
    put_take(library, KEY, noise(0.2, seed=1), {})
    with pytest.raises(ObjectDamaged, match="another stack"):
        get_audio(library, KEY, sha256_of(noise(0.2, seed=2)))
    with pytest.raises(ObjectDamaged, match="another stack"):
        get_provenance(library, KEY, sha256_of(noise(0.2, seed=2)))
    assert has_take(library, KEY)


def test_an_object_of_another_version_is_refused_and_kept(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(objects, "KIND", "take/99")
        sha256 = put_take(library, KEY, noise(0.2), {}).sha256
    for ask in (find_take, lambda *of: get_audio(*of, sha256), lambda *of: get_provenance(*of, sha256)):
        with pytest.raises(EvidenceDamaged, match="take/99"):
            ask(library, KEY)
    assert has_take(library, KEY)


def test_a_foreign_flac_is_damage(library: Library) -> None:
    """Whole audio whose comment is not ours, or which claims another rate or other samples, is no take."""
    audio = noise(0.2)
    about = {"key": KEY, "sha256": sha256_of(audio), "sample_rate_hz": 24_000, "provenance": {}}
    other_rate = sealed.write_json(objects.KIND, {**about, "sample_rate_hz": 22_050}).decode()
    other_samples = sealed.write_json(objects.KIND, {**about, "sha256": sha256_of(noise(0.2, seed=1))}).decode()
    for comment in ("made by somebody else", other_rate, other_samples):
        target = io.BytesIO()
        with sf.SoundFile(target, "w", samplerate=24_000, channels=1, format="FLAC", subtype="PCM_16") as flac:
            flac.comment = comment
            flac.write(audio.samples)
        library.write_bytes(object_path(KEY), target.getvalue())
        sha256 = sha256_of(noise(0.2, seed=1) if comment == other_samples else audio)
        with pytest.raises(ObjectDamaged):
            get_audio(library, KEY, sha256)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, objects.StoredTake]:
    library = open_library(str(tmp_path_factory.mktemp("whole")))
    stored = put_take(library, KEY, noise(0.1), {"finish_reason": "end", "elapsed_s": 0.25, "host": "灯"})
    return Path(library.url(object_path(KEY))).read_bytes(), stored


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_any_flipped_byte_is_harmless_or_found(whole: tuple[bytes, objects.StoredTake], data: st.DataObject) -> None:
    flac, stored = whole
    # Half of the draws hit the first 700 bytes: headers and provenance, where decoders have no checksum.
    at = data.draw(st.integers(0, 700) | st.integers(0, len(flac) - 1))
    flip = data.draw(st.integers(1, 255))
    bad = bytearray(flac)
    bad[at] ^= flip
    library = open_library("memory://flips")
    library.write_bytes(object_path(KEY), bytes(bad))
    try:
        assert get_provenance(library, KEY, stored.sha256) == stored.provenance
        assert same(get_audio(library, KEY, stored.sha256), stored.audio)
    except ObjectDamaged:
        assert not has_take(library, KEY)
    library.write_bytes(object_path(KEY), bytes(bad))
    found = find_take(library, KEY)
    if found is not None:
        assert found == stored
        assert same(found.audio, stored.audio)


@settings(max_examples=60, deadline=None)
@given(length=st.integers(0, 4000))
def test_any_truncation_is_found(whole: tuple[bytes, objects.StoredTake], length: int) -> None:
    flac, stored = whole
    library = open_library("memory://cuts")
    library.write_bytes(object_path(KEY), flac[: min(length, len(flac) - 1)])
    with pytest.raises(ObjectDamaged):
        get_audio(library, KEY, stored.sha256)

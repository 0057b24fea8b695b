"""Normalising, line by line: most of these stand so in the three real books or in the public sample EPUBs."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings

from rhapsode.model import BlockKind
from rhapsode.text.lexicon import Lexicon
from rhapsode.text.normalise import TERMINAL, ensure_terminal, spoken_text
from tests.unit.text.by_hand import texts

P, H, V = BlockKind.PARAGRAPH, BlockKind.HEADING, BlockKind.VERSE
NONE = Lexicon()

DASHES_AND_ELLIPSES = [
    ("Still\u2060—no, no\u2060\u200a\u2060… You must take it", "Still — no, no… You must take it."),
    ("“…\xa0By the way, at Yeovil I", '"By the way, at Yeovil I.'),
    ("Oh!\u2060 \u2060… by the way, Lane", "Oh! by the way, Lane."),
    (
        "I have lost my utility and glory;\u2060—I have lost my friend.",
        "I have lost my utility and glory; I have lost my friend.",
    ),
    ("August 26th, 17\u2060—.", "August 26th, 17."),
    ("“I am\u2060—” he said.", '"I am—" he said.'),
    ("“But\u2060—”", '"But…"'),
    ("fin—", "fin…"),
    ("—Ah, dit-il.", "Ah, dit-il."),
    ("“No!”\u2060—and he went.", '"No!" — and he went.'),
    ("one -- two - three--four ― five", "one — two — three — four — five."),
    ("half-moon and whale-fishers", "half-moon and whale-fishers."),
    ("non‑breaking ‒ hyphen", "non-breaking - hyphen."),
    ("Paradise Lost, X, 743\u2060–\u206045", "Paradise Lost, X, 743-45."),
    ("confidences were unsought–frequently", "confidences were unsought — frequently."),
    ("London–Paris", "London-Paris."),
    ("“D\u2060⸺\u2060n the fellow!” cried he", '"D — n the fellow!" cried he.'),
    ("your friend ⸻’s adventures", "your friend blank's adventures."),
    ("Wait . . . what?", "Wait… what?"),
    ("Well. . . . Then", "Well… Then."),
    ("Hmm....... yes!!!", "Hmm… yes!"),
    ("What?!—", "What?"),
    ("yes…no", "yes… no."),
]
QUOTES_AND_ENDS = [
    ("‘What!’ said ‘he’", "'What!' said 'he.'"),
    ("“ ‘Yes,’ he said. ‘Go.’\u200a”", "\"'Yes,' he said. 'Go.'\""),
    ("He said “Yes”", 'He said "Yes."'),
    ("he said, “Yes,”", 'he said, "Yes."'),
    ("“Stop,” she said:", '"Stop," she said.'),
    ("(see above)", "(see above.)"),
    ("Your affectionate brother,", "Your affectionate brother."),
    ("’Tis he who’ll rock ’em", "'Tis he who'll rock 'em."),
    ("¿Qué? ¡No!", "¿Qué? ¡No!"),
    ("再见。", "再见。"),
    ("«\xa0Oui\xa0»", '"Oui."'),
]
CHARACTERS = [
    ("soft\xadhyphen, ﬁnd, ﬂow, oﬃce", "softhyphen, find, flow, office."),
    ("Phœbe’s manœuvres and Cæsar", "Phoebe's manoeuvres and Caesar."),
    ("cafe\u0301", "café."),
    ("\u202eabc\u202c \ufeffde\u200bf", "abc def."),
    ("Mrs.\xa0Medley", "Mrs. Medley."),
    ("Ｆｕｌｌ 𝐇𝐞𝐥𝐥𝐨", "Full Hello."),
    ("I ♥ NY 😀👍🏽", "I NY."),
    ("<laugh> hi <|eot|>", "laugh hi eot."),
    ("[He laughs.] *loud*", "He laughs. loud."),
    ("نمی\u200cخواهم", "نمی\u200cخواهم."),
    ("\x00a\x01b", "a b."),
]
SYMBOLS = [
    ("Bastable\xa0& Kirby, 6s. Satirical.", "Bastable and Kirby, 6s. Satirical."),
    ("R&D, hats, &c., and Q&A", "R and D, hats, etcetera, and Q and A."),
    ("§ 5 and §§ 6, №7, N° 8", "section 5 and sections 6, number 7, number 8."),
    ("40° and 1° and 20 °C", "40 degrees and 1 degree and 20 degrees Celsius."),
    ("£25 1s. 8½d. at 3.5% in 1,000", "£25 1s. 8½d. at 3.5% in 1,000."),
    ("3 < 4", "3 less than 4."),
    ("C♯", "C sharp."),
]
CAPITALS = [
    ("IT WAS a dark night.", "It was a dark night."),
    ("I said NO, and NASA agreed with the USA.", "I said no, and NASA agreed with the USA."),
    ("“WHAT ARE YOU DOING?” HE SHOUTED. “I DON’T KNOW!”", '"What are you doing?" He shouted. "I don\'t know!"'),
    ("DR. JEKYLL AND MR. HYDE", "Dr. Jekyll and Mr. Hyde."),
    ("a TV and a BBC van near HMS BEAGLE", "a TV and a BBC van near HMS beagle."),
    ("I’M HERE, I’LL GO", "I'm here, I'll go."),
    ("She saw A DOG. HE RAN!", "She saw a dog. He ran!"),
    ("the U.S.A. and J. K. Rowling, S. F. U.", "the U.S.A. and J. K. Rowling, S. F. U."),
    ("Henry VIII met Louis XIV", "Henry VIII met Louis XIV."),
    ("give it to US", "give it to US."),
    ("HMM. ÉCOUTEZ, MONSIEUR", "Hmm. Écoutez, monsieur."),
]
NUMERALS = [
    (H, "Letter I", "Letter 1."),
    (H, "XIV", "14."),
    (H, "I", "1."),
    (H, "C", "C."),
    (H, "MIX", "Mix."),
    (H, "Mix", "Mix."),
    (H, "I Am Legend", "I Am Legend."),
    (H, "XIV. The Return", "14. The Return."),
    (H, "II — The Sea", "2 — The Sea."),
    (H, "CHAPTER XIV. THE RETURN OF MR. SMITH", "Chapter 14. The Return of Mr. Smith."),
    (H, "ACT III, SCENE II", "Act 3, Scene 2."),
    (H, "Chapter XXIV", "Chapter 24."),
    (H, "Act I’s End", "Act I's End."),
    (H, "HENRY VIII AND THE USA", "Henry VIII and the USA."),
    (H, "THE STRANGE CASE OF O’BRIEN", "The Strange Case of O'Brien."),
    (H, "To ⸻", "To blank."),
    (P, "XIV.", "14."),
    (P, "I", "I."),
    (P, "I am", "I am."),
    (P, "MIX", "Mix."),
    (P, "See Chapter IV for more", "See Chapter 4 for more."),
    (P, "Act I: A Flat in Half-Moon Street, W.", "Act 1: A Flat in Half-Moon Street, W."),
    (P, "Part I played was small", "Part I played was small."),
    (P, "the part I played", "the part I played."),
    (V, "Whose woods these are I think I know,", "Whose woods these are I think I know."),
]


@pytest.mark.parametrize(
    ("source", "spoken"), [*DASHES_AND_ELLIPSES, *QUOTES_AND_ENDS, *CHARACTERS, *SYMBOLS, *CAPITALS]
)
def test_paragraphs(source: str, spoken: str) -> None:
    assert spoken_text(source, P, NONE) == spoken


@pytest.mark.parametrize(("kind", "source", "spoken"), NUMERALS)
def test_numerals_by_kind(kind: BlockKind, source: str, spoken: str) -> None:
    assert spoken_text(source, kind, NONE) == spoken


def test_signs_and_ligatures_are_left_to_other_languages() -> None:
    assert spoken_text("Œuvres & cœur, 5°", P, NONE, "fr") == "Œuvres & cœur, 5°."


@pytest.mark.parametrize("source", ["", "***", "—", "* * *", "“…”", "\u2060", "😀", "⸻ ?!"])
def test_only_what_has_no_letter_and_no_digit_says_nothing(source: str) -> None:
    assert spoken_text(source, P, NONE, "fr") == ""


@given(texts())
@settings(max_examples=200, deadline=None)
def test_letters_are_never_silenced(source: str) -> None:
    spoken = spoken_text(source, P, NONE)
    if any(map(str.isalnum, unicodedata.normalize("NFC", source))):
        assert any(map(str.isalnum, spoken))
    if spoken:
        assert spoken.rstrip("\"')»").endswith(tuple(TERMINAL))
        assert spoken == " ".join(spoken.split())
        assert ensure_terminal(spoken) == spoken


def test_respellings_keep_their_capitals() -> None:
    lexicon = Lexicon((("Hermione", "her-MY-oh-nee"), ("nasa", "NAH-sah")))
    assert (
        spoken_text("D\u2060⸺\u2060n & Phœbe’s", P, Lexicon((("D⸺n", "Damn"), ("Phœbe's", "FEE-bee's"))))
        == "Damn and FEE-bee's."
    )
    assert spoken_text("“HERMIONE,” said NASA", P, lexicon) == '"her-MY-oh-nee," said NAH-sah.'

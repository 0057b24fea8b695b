"""What was heard is laid beside the text: what is an error, where it stands, and what the ear may confuse."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rhapsode.quality.alignment import Alignment, Kind, align
from rhapsode.quality.words import words_of

SENTENCE = "The old man walked slowly down the long road, and nobody in the village knew why he had come so late."


def aligned(said: str, heard: str, spellings: dict[str, tuple[str, ...]] | None = None) -> Alignment:
    return align(words_of(said), words_of(heard), spellings or {})


def kinds(alignment: Alignment) -> list[tuple[str, str, str]]:
    return [
        (
            piece.kind.value,
            " ".join(word.text for word in alignment.said[piece.said_start : piece.said_end]),
            " ".join(word.text for word in alignment.heard[piece.heard_start : piece.heard_end]),
        )
        for piece in alignment.pieces
    ]


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("To-day and to-morrow any one may go for ever.", "Today and tomorrow anyone may go forever."),
        ("Good-bye, every one!", "Goodbye, everyone."),
        ("It is, he will, they have, I am.", "It's, he'll, they've, I'm."),
        ("You cannot, you will not, you do not.", "You can't, you won't, you don't."),
        ("I'm gonna get 'em.", "I'm going to get them."),
        ("goin' and nothin' doin'", "going and nothing doing"),
        ("In 1984, in 1905, at 10:05.", "In nineteen eighty-four, in nineteen oh five, at ten oh five."),
        ("Call 555 1234.", "Call 5551234."),
        ("fifty per cent", "50%"),
        ("P. G. Wodehouse", "PG Wodehouse"),
        ("Some one, no one.", "Someone, noone."),
        ("sixpence", "6 pence"),
        ("an hundred and an hundred fold", "100 and 100 fold"),
        ("thou hadst not ceased, thou wouldst not", "thou had not ceased, thou would not"),
        ("Miss Prism", "Ms. Prism"),
        ("John's brother's gone.", "John's brother is gone."),
    ],
)
def test_the_same_words_written_otherwise_are_equal(said: str, heard: str) -> None:
    alignment = aligned(said, heard)
    assert alignment.word_errors == 0
    assert {piece.kind for piece in alignment.pieces} == {Kind.EQUAL}


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("their piece of the way", "there peace of the weigh"),
        ("You're late, it's hers.", "Your late, its hers."),
        ("two of us ate", "to of us eight"),
        ("The colour of the grey theatre.", "The color of the gray theater."),
        ("We recognise the centre and honour it.", "We recognize the center and honor it."),
        ("A draught, the connexion.", "A draft, the connection."),
        ("said Ukridge, and Psmith laughed", "said Uckridge, and Smith laughed"),
        ("Gwendolen and Algernon came", "Gwendolyn and Aldronin came"),
        ("said Featherstonehaugh to me", "said Featherstone Haugh to me"),
        ("that inconstant shade", "that in constant shade"),
    ],
)
def test_what_the_ear_confuses_is_forgiven(said: str, heard: str) -> None:
    alignment = aligned(said, heard)
    assert alignment.word_errors == 0


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("He is not here", "He is now here"),
        ("and he went home", "and she went home"),
        ("fifteen men", "fifty men"),
        ("it was a big house", "it was a pig house"),
        ("the man in the house", "the man on the house"),
        ("I can do it", "I can't do it"),
        ("they walked away", "they walk away"),
        ("he opened the door", "he open the door"),
        ("I was glad of it", "I was mad of it"),
        ("he gave her his hand", "he gave her his land"),
        ("in 1815", "in 1850"),
        ("said Ukridge to me", "said Baxter to me"),
        ("then Ukridge laughed", "then nobody laughed"),
    ],
)
def test_another_word_is_an_error(said: str, heard: str) -> None:
    alignment = aligned(said, heard)
    assert alignment.word_errors == 1
    assert Kind.SUBSTITUTED in {piece.kind for piece in alignment.pieces}


@pytest.mark.parametrize(
    ("name", "heard"),
    [("Ukridge", "Uckridge"), ("Bracknell", "Brecknell"), ("Featherstonehaugh", "Featherstone Haugh")],
)
@pytest.mark.parametrize("text", ["lady {} said so", "and {} was here", "the said {}"])
def test_a_misheard_name_hides_no_lost_neighbour(name: str, heard: str, text: str) -> None:
    words = text.split()
    for lost in range(len(words)):
        if words[lost] != "{}":
            rest = " ".join(words[:lost] + words[lost + 1 :])
            assert aligned(text.format(name), rest.format(heard)).word_errors == 1, rest
            assert aligned(rest.format(name), text.format(heard)).word_errors == 1, rest


def test_pieces_say_what_was_heard_for_what() -> None:
    alignment = aligned("any one of the cats sat on a mat", "anyone of the rats sat on mat oh dear")
    assert kinds(alignment) == [
        ("equal", "any 1 of the", "anyone of the"),
        ("substituted", "cats", "rats"),
        ("equal", "sat on", "sat on"),
        ("deleted", "a", ""),
        ("equal", "mat", "mat"),
        ("inserted", "", "oh dear"),
    ]
    assert (alignment.word_errors, alignment.wer) == (4, 4 / 9)


def test_what_is_missing_at_either_end() -> None:
    words = SENTENCE.split()
    assert aligned(SENTENCE, " ".join(words[1:])).head_deletion == 1
    assert aligned(SENTENCE, " ".join(words[4:])).head_deletion == 4
    assert aligned(SENTENCE, " ".join(words[:-3])).tail_deletion == 3
    assert aligned(SENTENCE, " ".join(words[:8] + words[14:])).longest_deletion == 6
    whole = aligned(SENTENCE, SENTENCE)
    assert (whole.head_deletion, whole.tail_deletion, whole.longest_deletion, whole.longest_divergence) == (0, 0, 0, 0)


def test_a_gap_stands_at_the_edge_if_it_may() -> None:
    assert aligned("the cat and the dog", "the dog").head_deletion == 3
    assert aligned("the dog and the dog", "the dog").longest_deletion == 3
    assert aligned("he ran and he", "he").longest_deletion == 3
    assert aligned("the dog", "the cat and the dog").head_insertion == 3
    assert aligned("the dog barked", "a man in the thirties the dog barked").head_insertion == 5
    assert aligned("I go where you go", "I go").tail_deletion == 3
    assert aligned("I go", "I go where you go").tail_insertion == 3


def test_what_is_heard_beside_the_text() -> None:
    description = "Realistic male voice in the thirties with an American accent."
    assert aligned(SENTENCE, f"{description} {SENTENCE}").head_insertion == len(words_of(description))
    babble = aligned(SENTENCE, f"{SENTENCE} of his own purple")
    assert (babble.tail_insertion, babble.head_insertion, babble.longest_insertion) == (4, 0, 4)
    words = SENTENCE.split()
    twice = aligned(SENTENCE, " ".join(words[:9] + words[4:]))
    assert (twice.repeated, twice.longest_insertion, twice.word_errors) == (5, 5, 5)
    assert babble.repeated == 0


def test_another_text_is_one_long_divergence() -> None:
    alignment = aligned(SENTENCE, "Purple elephants sing under distant moons whenever frost settles upon copper bells.")
    assert alignment.wer > 0.9
    assert alignment.longest_divergence > 10


@pytest.mark.parametrize(("heard", "wer"), [("", 0.0), ("[Music]", 0.0), ("thank you", 1.0)])
def test_an_empty_text(heard: str, wer: float) -> None:
    assert aligned("…", heard).wer == wer


def test_nothing_heard() -> None:
    alignment = aligned(SENTENCE, "")
    assert alignment.wer == 1.0
    assert alignment.longest_deletion == alignment.head_deletion == alignment.tail_deletion == len(words_of(SENTENCE))


WORDS = st.lists(st.sampled_from(sorted({word.text for word in words_of(SENTENCE)})), max_size=25)


@given(st.text())
def test_a_text_is_itself(text: str) -> None:
    alignment = aligned(text, text)
    assert alignment.word_errors == 0
    assert all(piece.kind is Kind.EQUAL for piece in alignment.pieces)


@given(st.integers(0, 20), st.integers(1, 20))
def test_lost_words_are_counted(start: int, length: int) -> None:
    words = words_of(SENTENCE)
    rest = words[:start] + words[start + length :]
    alignment = align(words, rest)
    assert alignment.word_errors == len(words) - len(rest) == alignment.longest_deletion


@given(WORDS, WORDS)
@settings(max_examples=200)
def test_pieces_cover_both_sides(ours: list[str], theirs: list[str]) -> None:
    alignment = aligned(" ".join(ours), " ".join(theirs))
    said = heard = 0
    for piece in alignment.pieces:
        assert (piece.said_start, piece.heard_start) == (said, heard)
        assert piece.said_words + piece.heard_words > 0
        said, heard = piece.said_end, piece.heard_end
    assert (said, heard) == (len(ours), len(theirs))
    assert alignment.word_errors <= max(len(ours), len(theirs))


@pytest.mark.parametrize("word", ["s" * 3000, "ings" * 1000, "a'" * 2000, "9" * 6000])
def test_endless_words_are_words(word: str) -> None:
    assert aligned(f"{word} said he", "nobody said he").word_errors == 1


@given(st.text(), st.text())
def test_any_two_texts_can_be_aligned(one: str, other: str) -> None:
    alignment = aligned(one, other)
    assert alignment.wer >= 0
    assert alignment.longest_divergence <= alignment.word_errors

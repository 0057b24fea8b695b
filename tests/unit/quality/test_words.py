"""Both sides of a comparison become the same words, and each word knows where it stood."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rhapsode.quality.words import Word, words_of


def texts(text: str) -> list[str]:
    return [word.text for word in words_of(text)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        # letters
        ("“Don’t!” she CRIED.", "don't she cried"),
        ("Café naïve façade Zoë", "cafe naive facade Zoe"),
        ("mediæval œuvre", "mediaeval oeuvre"),
        ("λόγος", "logos"),
        ("well—known", "well known"),
        ("to-day", "to day"),
        # numbers
        ("1,234 sheep", "one thousand two hundred and thirty-four sheep"),
        ("1,100 horses", "eleven hundred horses"),
        ("a hundred and twenty miles", "120 miles"),
        ("a thousand leagues", "1,000 leagues"),
        ("one thousand, two hundred and five", "1205"),
        ("2.5 million", "2,500,000"),
        ("five hundred thousand", "500,000"),
        ("forty-two", "42"),
        ("nineteen hundred and fourteen", "1914"),
        ("two thousand nineteen", "2019"),
        ("one million", "1,000,000"),
        # ordinals and fractions
        ("the third of May", "the 3rd of May"),
        ("the twenty-first", "the 21st"),
        ("the nineteenth century", "the 19th century"),
        ("the hundredth time", "the 100th time"),
        ("first, second, eighth, ninth, twelfth, thirtieth", "1st, 2nd, 8th, 9th, 12th, 30th"),
        ("two-thirds", "2/3"),
        ("three quarters", "3/4"),
        ("the twenties", "the 20s"),
        # prices, percentages, times, units
        ("$5.20", "five dollars and twenty cents"),
        ("£3", "three pounds"),
        ("£1.50", "1 pound and 50 pence"),
        ("$1,000,000", "$1 million"),
        ("one dollar", "$1"),
        ("25%", "twenty-five percent"),
        ("half past 10:30", "half past ten thirty"),
        ("at 12:00", "at twelve o'clock"),
        ("6 a.m.", "six AM"),
        ("5 km at 6 mph", "five kilometers at six miles per hour"),
        ("30 °C", "thirty degrees Celsius"),
        ("pages 10-20", "pages ten to twenty"),
        ("May 3", "May third"),
        ("on Sept. 21st", "on September 21"),
        ("3½ miles", "three and a half miles"),
        ("3¾ miles", "three and three quarters miles"),
        # abbreviations, initials, Roman numerals
        ("Mr. and Mrs. Smith", "Mister and Missus Smith"),
        ("Dr. Jones, Capt. Nemo", "Doctor Jones, Captain Nemo"),
        ("St. James", "Saint James"),
        ("221B Baker St., near No. 10", "221 B Baker street near number ten"),
        ("the U.S.A.", "the USA"),
        ("etc.", "etcetera"),
        ("World War II", "world war two"),
        ("Louis XIV", "Louis the fourteenth"),
        ("Chapter IV", "Chapter 4"),
        ("Smith & Sons", "Smith and Sons"),
        # what is no word
        ("<laugh> Oh, <angry_whisper> no!", "Oh, no!"),
        ("(laughs) [Music] Well. *sighs* [BLANK_AUDIO] ♪", "Well."),
        ("Er— well, um, hm!", "well"),
    ],
)
def test_both_become_the_same_words(one: str, other: str) -> None:
    assert texts(one) == texts(other) != []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(he said)", ["he", "said"]),
        ("fifteen fifty", ["15", "50"]),
        ("nineteen eighty-four", ["19", "84"]),
        ("one, two, three", ["1", "2", "3"]),
        ("twenty, one", ["20", "1"]),
        ("he and she", ["he", "and", "she"]),
        ("twelve and twenty", ["12", "and", "20"]),
        ("a sheep", ["a", "sheep"]),
        ("No. He said no.", ["no", "he", "said", "no"]),
        ("the boys' hats", ["the", "boys", "hats"]),
        ("I MIX it", ["i", "mix", "it"]),
        ("Washington DC", ["washington", "dc"]),
        ("9" * 5000, ["9" * 5000]),
        ("one hundred hundred", ["100", "100"]),
        ("and two", ["and", "2"]),
        ("co-operate with Co.", ["co", "operate", "with", "company"]),
        ("", []),
        ("— … !", []),
        ("🎉", []),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert texts(text) == expected


@pytest.mark.parametrize(
    ("one", "other"), [("not", "now"), ("fifteen", "fifty"), ("21", "21st"), ("$5", "£5"), ("he", "she")]
)
def test_what_is_different_stays_different(one: str, other: str) -> None:
    assert texts(one) != texts(other)


def test_a_word_knows_its_characters() -> None:
    text = "“Pay £3, Mr. Smith, to twenty-one men!”"
    found = {word.text: text[word.start : word.end] for word in words_of(text)}
    assert found == {
        "pay": "Pay",
        "3": "£3",
        "pounds": "£3",
        "mister": "Mr",
        "smith": "Smith",
        "to": "to",
        "21": "twenty-one",
        "men": "men",
    }


@given(st.text())
def test_any_text_has_words_in_order(text: str) -> None:
    words = words_of(text)
    for word in words:
        assert word.text and set(word.text) <= set("abcdefghijklmnopqrstuvwxyz0123456789.'")
        assert 0 <= word.start < word.end <= len(text)
    starts = [word.start for word in words]
    assert starts == sorted(starts)


NUMBERS = ("a", "and", "hundred", "thousand", "million", "one", "two", "twenty", "nineteen", "first", "fiftieth")
NUMBERS += ("thirds", "5", "2.5", "$3", "10:30", "oh", "%", "st.", "cents", "to", "1/2")


@given(st.lists(st.sampled_from(NUMBERS)))
def test_any_row_of_numbers_can_be_read(row: list[str]) -> None:
    words = words_of(" ".join(row))
    assert all(isinstance(word, Word) and word.text for word in words)


@given(st.integers(min_value=0, max_value=999_999))
def test_a_number_in_words_is_the_number(number: int) -> None:
    """Written out here by other rules than those that read it."""
    assert texts(in_words(number)) == [str(number)]
    assert texts(f"{number:,}") == [str(number)]


def in_words(number: int) -> str:
    small = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
    small += [f"{stem}teen" for stem in ("thir", "four", "fif", "six", "seven", "eigh", "nine")]
    tens = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
    if number < 20:
        return small[number]
    if number < 100:
        return tens[number // 10 - 2] + (f"-{small[number % 10]}" if number % 10 else "")
    if number < 1000:
        return f"{small[number // 100]} hundred" + (f" and {in_words(number % 100)}" if number % 100 else "")
    rest = number % 1000
    link = "" if not rest else " and " if rest < 100 else " "
    return f"{in_words(number // 1000)} thousand{link}{in_words(rest) if rest else ''}"

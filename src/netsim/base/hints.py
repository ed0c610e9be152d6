"""What was probably meant by a word that nobody knows."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(word: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The known word most like this one, capitals aside; None where none is alike (`cutoff`: 1 is the same)."""
    from difflib import get_close_matches  # only mistakes need it

    words = {each.lower(): each for each in known}
    near = get_close_matches(word.lower(), list(words), n=1, cutoff=cutoff)
    return words[near[0]] if near else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """` Did you mean 'server'?`, or nothing where no known word is near."""
    near = nearest(word, known)
    return f" Did you mean '{near}'?" if near is not None else ""

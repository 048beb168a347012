"""What a page's script reads, written small: columns for rows, repeated strings once.

Builders give plain rows and ``pages/siting.js`` hands plain rows to the page's script: only what
stands in the file between the two is packed. Objects stay objects. A list becomes an array whose
first item says how the rest is to be read:

=====  ================================================================================
``0``  the items, as they are
``1``  rows of the same fields: how many, the fields, a packed list each
``2``  strings, in one string with ``|`` between them
``3``  strings that repeat: the different ones packed, then a letter each (:data:`LETTERS`)
       or, where these do not suffice, a number each
``4``  lists: how long each is (one number if all are alike), then all their items packed
=====  ================================================================================
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
PLAIN, ROWS, STRINGS, REPEATED, LISTS = range(5)
BETWEEN = "|"


def packed(value: Any) -> Any:
    """Return JSON values packed.

    Examples
    --------
    >>> packed({"zones": [{"n": "East", "p": 5}, {"n": "West", "p": 7}]})
    {'zones': [1, 2, ['n', 'p'], [2, 'East|West'], [0, 5, 7]]}
    >>> packed(["yes"] * 5 + ["no"])
    [3, [2, 'yes|no'], 'AAAAAB']
    >>> packed([[1, 2], [3, 4]])
    [4, 2, [0, 1, 2, 3, 4]]
    """
    if isinstance(value, Mapping):
        return {key: packed(item) for key, item in value.items()}
    if not isinstance(value, list | tuple):
        return value
    kinds = set(map(type, value)) if len(value) > 1 else set()
    if kinds == {str}:
        return _strings(value)
    if kinds == {dict} and value[0] and len(set(map(tuple, value))) == 1:
        columns = (packed([row[field] for row in value]) for field in value[0])
        return [ROWS, len(value), list(value[0]), *columns]
    if kinds and kinds <= {list, tuple}:
        lengths = list(map(len, value))
        alike = len(set(lengths)) == 1 and lengths[0] > 0
        return [LISTS, lengths[0] if alike else lengths, packed(list(chain.from_iterable(value)))]
    return [PLAIN, *map(packed, value)]


def _strings(cells: Sequence[str]) -> list[Any]:
    """Return two strings or more, as they are or as letters, whatever is shorter."""
    joined = BETWEEN.join(cells)
    plain = joined.count(BETWEEN) == len(cells) - 1
    whole = [STRINGS, joined] if plain else [PLAIN, *cells]
    size = len(joined) + (0 if plain else 2 * len(cells))
    place = {cell: n for n, cell in enumerate(dict.fromkeys(cells))}
    if len(place) == len(cells):
        return whole
    short = len(place) <= len(LETTERS)
    each = len(cells) * (1 if short else 1 + len(str(len(place))))
    if sum(map(len, place)) + 3 * len(place) + each >= size:
        return whole
    at = [place[cell] for cell in cells]
    return [REPEATED, packed(list(place)), "".join(LETTERS[n] for n in at) if short else at]

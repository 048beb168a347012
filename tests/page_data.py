"""What a page holds inside, read back as pages/siting.js does."""

import json
import re

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def read(html: str):
    """The data of a page."""
    found = re.search(r'id="siting-data"[^>]*>(.*?)</script>', html, re.DOTALL)
    assert found
    return unpacked(json.loads(found[1]))


def unpacked(value):
    if isinstance(value, dict):
        return {key: unpacked(item) for key, item in value.items()}
    if not isinstance(value, list):
        return value
    how, *rest = value
    if how == 0:
        return [unpacked(item) for item in rest]
    if how == 1:
        rows, fields, *columns = rest
        read_back = [unpacked(column) for column in columns]
        return [
            {field: column[n] for field, column in zip(fields, read_back, strict=True)}
            for n in range(rows)
        ]
    if how == 2:
        return rest[0].split("|")
    if how == 3:
        different, at = unpacked(rest[0]), rest[1]
        return [different[LETTERS.index(n) if isinstance(n, str) else n] for n in at]
    assert how == 4
    lengths, items = rest[0], unpacked(rest[1])
    if isinstance(lengths, int):
        lengths = [lengths] * (len(items) // lengths)
    ends = [sum(lengths[: n + 1]) for n in range(len(lengths))]
    assert ends[-1] == len(items)
    return [items[end - long : end] for end, long in zip(ends, lengths, strict=True)]


def decode(encoded: str):
    """Points, longitude first, as maps.geometry.encode wrote them."""
    at, here, points = 0, [0, 0], []
    while at < len(encoded):
        for axis in (0, 1):
            shift = number = 0
            while True:
                byte = ord(encoded[at]) - 63
                at += 1
                number |= (byte & 0x1F) << shift
                shift += 5
                if byte < 0x20:
                    break
            here[axis] += ~(number >> 1) if number & 1 else number >> 1
        points.append((here[0] / 1e5, here[1] / 1e5))
    return points

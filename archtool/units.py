"""Numbers as people read them."""

from __future__ import annotations

from typing import Final

_SI: Final = (("E", 10**18), ("P", 10**15), ("T", 10**12), ("G", 10**9), ("M", 10**6), ("k", 10**3))
_BINARY: Final = (("EiB", 2**60), ("PiB", 2**50), ("TiB", 2**40), ("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10))


def si(number: int | float) -> str:
    """A count with an SI prefix and three significant digits, exact below 1000.

    >>> si(25_557_032), si(999), si(10**21)
    ('25.6 M', '999', '1.00e+21')
    """
    if number >= 999_500 * 10**15:
        return f"{float(number):.2e}" if number < 10**300 else f"10^{len(str(number)) - 1}"
    for prefix, unit in _SI:
        if number * 1000 >= unit * 999.5 and number >= 1000:
            return f"{_three_digits(number / unit)} {prefix}"
    return str(number)


def binary(number: int) -> str:
    """A count of bytes.

    >>> binary(102_228_128)
    '97.5 MiB'
    """
    for prefix, unit in _BINARY:
        if number >= unit:
            return f"{_three_digits(number / unit)} {prefix}" if number < 10**300 else "very many bytes"
    return f"{number} B"


def _three_digits(value: float) -> str:
    return f"{value:.2f}" if value < 9.995 else f"{value:.1f}" if value < 99.95 else f"{value:.0f}"

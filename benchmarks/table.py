"""Sections as a table of plain text."""

from collections.abc import Iterator, Sequence
from string import ascii_lowercase

from benchmarks.machine import Machine
from benchmarks.results import Figure, Section

HEADER = f"{'':38}{'median':>10}{'least':>11}{'MACs counted':>18}   bar, or times as much as"


def render(machine: Machine, sections: Sequence[Section]) -> str:
    """The whole report."""
    return "\n".join((_machine(machine), "", HEADER, *(line for section in sections for line in _section(section))))


def _machine(machine: Machine) -> str:
    shown = [f"{name} {machine.packages[name]}" for name in ("archtool", "torch") if name in machine.packages]
    versions = ", ".join((f"Python {machine.python}", *shown))
    return f"{machine.cpu}, {machine.cores} cores, load {machine.load:.1f}; {versions}; {machine.date}"


def _section(section: Section) -> Iterator[str]:
    yield ""
    yield section.title
    compared = [figure for figure in section.ours if figure.compared]
    letters = dict(zip((figure.tool for figure in compared), ascii_lowercase, strict=False))
    for figure in section.ours:
        yield _line(figure, section.unit, letters.get(figure.tool, ""), _verdict(figure, section.unit))
    for figure in section.peers:
        yield _line(figure, section.unit, "", ", ".join(_ratios(figure, compared, letters)))
    yield from (f"    {note}" for note in section.notes)


def _line(figure: Figure, unit: str, letter: str, remark: str) -> str:
    name = f"  {letter:1} {figure.tool}"
    if figure.median is None or figure.least is None:
        return f"{name:38}{'-':>10}{'':29}   {remark or 'skipped'} ({figure.absent})"
    macs = "" if figure.macs is None else f"{figure.macs:,}"
    median, least = _amount(figure.median, unit), _amount(figure.least, unit)
    return f"{name:38}{median:>10}{least:>11}{macs:>18}   {remark}".rstrip()


def _verdict(figure: Figure, unit: str) -> str:
    if figure.bar is None:
        return ""
    mark = "not measured" if figure.median is None else "pass" if figure.meets_bar else "FAIL"
    return f"{_amount(figure.bar, unit)}: {mark}"


def _ratios(figure: Figure, compared: Sequence[Figure], letters: dict[str, str]) -> Iterator[str]:
    """How many times ours, by the least of each: noise only ever adds, and it flatters us where it falls on a peer."""
    for ours in compared:
        if figure.least is not None and ours.least is not None:
            ratio = figure.least / ours.least
            yield f"{ratio:,.{0 if ratio >= 10 else 1}f} {letters[ours.tool]}"


def _amount(value: float, unit: str) -> str:
    """Three digits and a unit: `0.612 ms`, `2.61 s`, `38.4 MiB`."""
    scaled, name = (value / 2**20, "MiB") if unit == "B" else (value, "s") if value >= 1 else (value * 1000, "ms")
    decimals = next((n for n, limit in enumerate((100, 10, 1)) if scaled >= limit), 3)
    return f"{scaled:.{decimals}f} {name}"

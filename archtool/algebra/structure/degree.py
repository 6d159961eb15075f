"""Whether a network is linear, affine or positively homogeneous for all its weights: from what its layers are.

Sums, differences and concatenations of tensors that are one of these are it too, and so is what a layer that is it
makes of them; a product is where all its tensors but one stand still (they depend on no input).
"""

from __future__ import annotations

from typing import Final, NamedTuple

from archtool.algebra.finding import Basis, Finding, unknown
from archtool.algebra.structure.flow import AT_INFERENCE, called, carried, contributing, told
from archtool.flatten import FlatLayer, FlatNetwork
from archtool.nature import AFFINE, HOMOGENEOUS, LINEAR, Nature


class _Degree(NamedTuple):
    """What a tensor is as a function of the network's inputs: whether it depends on them at all, and why it is not
    known to be affine, or positively homogeneous; nothing where it is."""

    depends: bool = True
    bent: str = ""
    shifted: str = ""


_INPUT: Final = _Degree()


def linear(flat: FlatNetwork) -> Finding:
    """Whether f(x + y) = f(x) + f(y) and f(t x) = t f(x), for all weights, of all inputs together."""
    return _found(flat, LINEAR, "linear")


def affine(flat: FlatNetwork) -> Finding:
    """Whether f(x) - f(0) is linear in x, for all weights, of all inputs together."""
    return _found(flat, AFFINE, "affine")


def positively_homogeneous(flat: FlatNetwork) -> Finding:
    """Whether f(t x) = t f(x) for all t >= 0 and all weights, of all inputs together."""
    return _found(flat, HOMOGENEOUS, "positively_homogeneous")


def _found(flat: FlatNetwork, asked: Nature, rule: str) -> Finding:
    degrees = carried(flat, [_INPUT] * len(flat.inputs), _through, _either)
    for number in flat.outputs.values():
        degree = degrees[number]
        objection = (asked.affine and degree.bent) or (asked.homogeneous and degree.shifted)
        if objection:
            return unknown(objection, objects=True, assumptions=(AT_INFERENCE,))
    moving = {number for number, degree in degrees.items() if degree.depends}
    layers = [layer for layer in contributing(flat) if layer.target in moving]
    steps = told((layer, _word(layer, [source in moving for source in layer.sources])) for layer in layers)
    word = rule.replace("_", " ")
    return Finding(
        truth=True,
        basis=(Basis("structure", rule),),
        steps=(*steps, f"what is made of {word} tensors by such layers is {word}: so is the whole network"),
        assumptions=(AT_INFERENCE,),
    )


def _through(layer: FlatLayer, parts: tuple[_Degree, ...]) -> _Degree:
    run = layer.run
    moving = [part for part in parts if part.depends]
    if run.layer.ignores_input or not moving:
        return _Degree(depends=False, shifted=f"{called(layer)} depends on no input, so nothing scales it")
    nature = acts(layer, [part.depends for part in parts])
    bent = next((part.bent for part in moving if part.bent), "")
    shifted = next((part.shifted for part in parts if part.shifted), "")
    if nature.multilinear:  # the tensors that stand still are factors, whatever they are
        shifted = next((part.shifted for part in moving if part.shifted), "")
    name = called(layer)
    if nature.multilinear and not nature.linear:
        product = f"{name} multiplies tensors that depend on the input"
        return _Degree(True, bent or product, shifted or product)
    if not nature.affine:
        bent = bent or f"{name} is not affine"
    if not nature.homogeneous:
        bias = " (it has a bias)" if nature.affine and _bias(layer) else ""
        shifted = shifted or f"{name} is not positively homogeneous{bias}"
    return _Degree(True, bent, shifted)


def acts(layer: FlatLayer, moving: list[bool]) -> Nature:
    """What kind of function a layer is of those of its tensors that are `moving`, the others standing still."""
    nature = layer.run.layer.nature(layer.run.inputs[0])
    if nature.multilinear and sum(moving) == 1:
        return LINEAR._replace(multilinear=True)
    return nature


def _either(yes: _Degree, no: _Degree) -> _Degree:
    """What holds of both."""
    return _Degree(yes.depends or no.depends, yes.bent or no.bent, yes.shifted or no.shifted)


def _bias(layer: FlatLayer) -> bool | None:
    """Whether a layer adds learned numbers; None where its kind has no such field."""
    kind = layer.run.layer
    return bool(getattr(kind, "bias")) if "bias" in kind.field_kinds() else None  # noqa: B009  # not of all kinds


def _word(layer: FlatLayer, moving: list[bool]) -> str:
    """What a derivation says of a layer."""
    nature = acts(layer, moving)
    if nature.multilinear and len(moving) > 1:
        return "linear, the other tensors standing still: they depend on no input"
    if nature.linear:
        return "linear (no bias)" if _bias(layer) is False else "linear"
    if nature.affine:
        return "affine (a bias)" if _bias(layer) else "affine"
    return "positively homogeneous (no bias)" if _bias(layer) is False else "positively homogeneous"

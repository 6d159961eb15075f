"""A design: a spec in one of its variants, with some knobs set. What it can be asked is one call each."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archtool.collector import collector_paused
from archtool.errors import SpecError
from archtool.flatten import FlatNetwork, flat_network
from archtool.loading import source
from archtool.network import Evaluation
from archtool.runs import BlockRun
from archtool.shape import Shape
from archtool.spec.library import FILES, Library
from archtool.spec.reader import Document
from archtool.spec.spec import Expectation, Spec
from archtool.trace import Trace

if TYPE_CHECKING:
    import networkx as nx
    import torch

    from archtool.algebra.folding import Folding
    from archtool.algebra.formula import Formula
    from archtool.algebra.settings import Settings
    from archtool.analysis.effective import EffectiveField
    from archtool.analysis.gemm import Gemm
    from archtool.analysis.operations.convention import Convention
    from archtool.analysis.operations.reconciliation import Flops
    from archtool.analysis.projective import ProjectiveField
    from archtool.analysis.report import Report
    from archtool.analysis.retention.peak import Memory
    from archtool.analysis.seen import LayerField
    from archtool.analysis.support import Support
    from archtool.analysis.unproductive import Unproductive
    from archtool.claims.check import Checked
    from archtool.explore.sweep import Sweep
    from archtool.realize.result import Verification


def load(spec: str | os.PathLike[str], design: str | None = None, **knobs: object) -> Design:
    """Read a spec: a file's path, a spec's text (of more than one line), or the name of a shipped spec or design.

    `design` chooses one of the spec's variants; `knobs` override its vars, each a number, a list, or the text of an
    expression. Raises SpecError where the spec is wrong or not found.

    >>> load("resnet50").analyze().totals.params
    25557032
    """
    found = source(spec)
    return Design(found.document, design or found.design, knobs, found.folder)


class Design:
    """One network to be asked about; made by `load`, never changed."""

    def __init__(
        self,
        document: Document,
        design: str | None = None,
        knobs: Mapping[str, object] | None = None,
        folder: Path | None = None,
        library: Library = FILES,
    ) -> None:
        self.knobs = dict(knobs or {})
        with collector_paused():
            self.spec = Spec(document, design, folder, library=library)
            overrides = {name: self.spec.override(name, value) for name, value in self.knobs.items()}
        if not self.spec.has_layers:
            choices = ", ".join(self.spec.designs)
            raise SpecError(f"'{self.spec.name}' has no layers of its own; choose one of its designs: {choices}")
        self.block = self.spec.block.having(overrides) if overrides else self.spec.block

    @property
    def name(self) -> str:
        """The design's name, or the spec's where no design was chosen."""
        return self.spec.design or self.spec.name

    @property
    def designs(self) -> tuple[str, ...]:
        """The names of the spec's variants."""
        return self.spec.designs

    @property
    def expect(self) -> tuple[Expectation, ...]:
        """The published totals that the spec states for this design."""
        return self.spec.expect

    @property
    def inputs(self) -> dict[str, Shape]:
        """The inputs' shapes by name."""
        return self.spec.shapes(Evaluation().vars(self.block, {}))

    @cached_property
    def run(self) -> BlockRun:
        """The evaluated network: every distinct block and layer once."""
        return self.evaluate()

    def evaluate(
        self,
        given: Mapping[str, Any] | None = None,
        inputs: Mapping[str, Shape] | None = None,
        trace: Trace | None = None,
    ) -> BlockRun:
        """Evaluate with other values of vars or other inputs; on expressions where a trace is given."""
        evaluation = Evaluation(trace)
        with collector_paused():
            environment = evaluation.vars(self.block, given or {})
            return evaluation.network(self.block, environment, inputs or self.spec.shapes(environment))

    def flat(self, inputs: Mapping[str, Shape] | None = None) -> FlatNetwork:
        """The network layer by layer, with full names; raises RuleError where there are too many layers."""
        run = self.run if inputs is None else self.evaluate(inputs=inputs)
        return flat_network(run, tuple(self.spec.inputs))

    def analyze(
        self,
        *,
        batch: int = 1,
        dtype: str = "float32",
        acts: str = "all",
        convention: str | os.PathLike[str] | Convention | None = None,
        exact_padding: bool = False,
    ) -> Report:
        """Count parameters, operations and activations, and find what each layer sees.

        `batch` multiplies operations and activations; `dtype` is that of the bytes; `acts` is 'all', or 'conv' to count
        the outputs of convolutions and linear layers alone. `flops` are by `convention`: a shipped one's name
        (`archtool conventions` lists them) or a file's path; `exact_padding` leaves products with padding out.

        >>> load("vgg16").analyze().totals.receptive_field.size
        (212, 212)
        """
        from archtool.analysis.report import Report

        return Report(self, batch=batch, dtype=dtype, acts=acts, convention=convention, exact_padding=exact_padding)

    def flops(
        self,
        *conventions: str | os.PathLike[str] | Convention,
        mode: str = "inference",
        exact_padding: bool = False,
        batch: int = 1,
    ) -> Flops:
        """What FLOP conventions count, term by term: these, or all shipped ones.

        `mode` is 'inference', or 'training' for the forward and the backward pass.

        >>> load("resnet50").flops("fvcore", "ptflops").totals
        (4111512576, 4132436968)
        """
        from archtool.analysis.operations.reconciliation import flops

        return flops(self, conventions, mode=mode, exact_padding=exact_padding, batch=batch)

    def memory(
        self,
        *,
        batch: int = 1,
        dtype: str = "float32",
        mode: str = "inference",
        optimizer: str = "sgd",
        in_place: bool = False,
    ) -> Memory:
        """How much memory the network takes, as torch runs it: at its peak, where that is, and layer by layer.

        `mode` is 'inference' or 'training'; `optimizer` is that of training: sgd, momentum, adam or adamw. With
        `in_place` layers that can (torch's inplace=True) write over their input where nobody else needs it. Raises
        RuleError for a word that is none of these, and where a network to be trained has too many layers.

        >>> load("resnet50").memory().layer
        'stage.0.block.0.add.shortcut.batch_norm'
        """
        from archtool.analysis.retention.peak import memory

        return memory(self, batch=batch, dtype=dtype, mode=mode, optimizer=optimizer, in_place=in_place)

    def effective(
        self, at: str | None = None, position: tuple[int, ...] | None = None, of: str | None = None
    ) -> EffectiveField:
        """The effective receptive field: how strongly each input position moves one output position of a layer, as the
        expected squared gradient over random weights (Luo et al. 2016, arXiv:1701.04128), without drawing any.

        `at`, `position` and `of` are those of `field`. Raises RuleError, by name, for a layer whose rule is not known.
        """
        from archtool.analysis.effective import effective

        return effective(self, at, position, of)

    def field(
        self, at: str | None = None, position: tuple[int, ...] | None = None, of: str | None = None
    ) -> LayerField:
        """The receptive field of the output of `at` (a layer, block or named output; by default the last that sees
        something locally), and what a `position` of it sees, the middle one by default; in the input or layer `of`.

        Raises RuleError where there is no such layer, position or input.

        >>> load("resnet50").field("stage.1").axes[0].size
        91
        """
        from archtool.analysis.seen import layer_field

        return layer_field(self, at, position, of)

    def support(
        self,
        at: str | None = None,
        position: tuple[int, ...] | None = None,
        of: str | None = None,
        *,
        projective: bool = False,
        clipped: bool = True,
    ) -> Support:
        """The exact set of positions that one position sees, holes included; see `field`. `clipped` leaves out those in
        padding. `projective`: the positions of `at` that a `position` of the input reaches.

        >>> load("resnet50").support("stem", (0, 0)).along
        (4, 4)
        """
        from archtool.analysis.support import support

        return support(self.flat(), at, position, of, projective=projective, clipped=clipped)

    def projective(
        self, at: str | None = None, position: tuple[int, ...] | None = None, of: str | None = None
    ) -> ProjectiveField:
        """Which positions of the output of `at` a `position` of the input or layer `of` reaches; see `field`."""
        from archtool.analysis.projective import projective

        return projective(self, at, position, of)

    def unproductive(self, of: str | None = None) -> Unproductive:
        """The convolutions that can bring no more of the image together, as rfa_toolbox tells them, and their cost."""
        from archtool.analysis.unproductive import unproductive

        return unproductive(self, of)

    def formula(self, of: str = "macs", symbols: str | None = None, **options: Any) -> Formula:
        """A closed form of what the network costs, sees or makes, exact: by block and in total.

        `of` is a metric, `memory` or `output`; `symbols` says what varies ("width, n, res=32*m, kernel=odd 1..7"), by
        default the vars that are whole numbers; `options` are those of `analyze`. Raises SpecError for what can't vary.

        >>> print(load("resnet50").formula("macs", "width, n, res=32*m").total)
        1088*width**2*m**2*(n_0 + n_1 + n_2 + n_3) + 2368*width**2*m**2 + 37632*width*m**2 + 32000*width
        """
        from archtool.algebra.reading import formula

        return formula(self, of, symbols, **options)

    def explore(self, over: Mapping[str, object] | None = None, *, metrics: Sequence[str] = (), **asked: Any) -> Sweep:
        """The designs of a space, to be evaluated many at once: what `over` varies, in place of the spec's `explore`.

        Domains are texts as in a spec, ranges or lists. `metrics` are names, or expressions of them; `asked` may have
        where, minimize, maximize, zipped, sample, seed, and the options of `analyze`. Raises SpecError.

        >>> load("resnet50").explore({"width": "16..64:16", "res": [160, 224]}).batch(0, 8).metrics["macs"].max()
        np.int64(4089184256)
        """
        from archtool.explore.sweep import sweep

        return sweep(self, over, metrics, **asked)

    def gemm(self, *, batch: int = 1, dtype: str = "float32", layout: str = "channels_first") -> Gemm:
        """Each layer as the matrix products that it becomes; `layout` is 'channels_first' or 'channels_last'.

        >>> load("resnet50").gemm().macs
        4089184256
        """
        from archtool.analysis.gemm import gemm

        return gemm(self, batch=batch, dtype=dtype, layout=layout)

    def fold(self, *, dense: bool = False) -> Folding:
        """Linear layers composed into the fewest where that is exact and costs no more; `dense`: wherever it is exact.

        >>> load("repvgg_a0").fold().after.params
        8309384
        """
        from archtool.algebra.folding import fold

        return fold(self.flat(), dense=dense)

    def check(self, settings: Settings | None = None) -> Checked:
        """The claims of the spec, each with its verdict; with settings, what structure does not decide is tested in
        torch. Raises SpecError for a claim that can't be read.

        >>> load("siamese").check().counts
        {'proved': 1}
        """
        from archtool.claims.check import check
        from archtool.spec.spec import Spec

        spec = Spec(self.spec.document, None, self.spec.folder, library=self.spec.library)
        return check(spec, settings, library=self.spec.library)

    def draw_field(
        self,
        path: str | os.PathLike[str],
        at: str | None = None,
        position: tuple[int, ...] | None = None,
        of: str | None = None,
        *,
        effective: bool = False,
        projective: bool = False,
        image: str | os.PathLike[str] | None = None,
    ) -> Path:
        """Draw what a position sees into a png, svg or pdf: its field as a box, what it sees exactly (or how strongly,
        `effective`; or which positions an input reaches, `projective`), over a photo (`image`) scaled to the input.

        Raises PictureError where the file can't be written or the photo not be read, MissingExtra without matplotlib.
        """
        from archtool.render.projected import save
        from archtool.render.projection import projection

        target = Path(path)
        drawn = projection(self, at, position, of, effective=effective, projective=projective)
        save(drawn, target, None if image is None else Path(image))
        return target

    def dot(self, depth: int | None = None, direction: str = "TB") -> str:
        """The network's picture in Graphviz's DOT language; the same design gives the same text.

        Blocks below `depth` are one node, by default where it stays legible; edges run from top to bottom (TB) or left
        to right (LR). Raises RuleError where the picture would be too large.

        >>> load("lenet5").dot().splitlines()[0]
        'digraph "lenet5" {'
        """
        from archtool.render.dot import dot

        return dot(self.run, tuple(self.spec.inputs), self.name, depth, direction)

    def render(self, path: str | os.PathLike[str], depth: int | None = None, direction: str = "TB") -> Path:
        """Draw the network into a file, as svg, png, pdf or dot by its suffix; the file's path. See `dot`.

        Raises PictureError where the file can't be written; then there is none.
        """
        from archtool.render.picture import check, save

        target = Path(path)
        check(target)
        save(self.dot(depth, direction), target)
        return target

    def graph(self) -> nx.DiGraph[str]:
        """The network's layers as a networkx graph: their kind, output shape, params and macs; shapes on the edges.

        Raises RuleError where there are too many layers.
        """
        from archtool.analysis.graph import to_networkx

        return to_networkx(self.flat())

    def torch(self) -> torch.nn.Module:
        """The network as a torch module, its state_dict named as archtool names the layers: float32, training mode.

        It takes (batch, *dims) for each input; under `torch.device("meta")` no memory. MissingExtra without torch.

        >>> sum(p.numel() for p in load("lenet5").torch().parameters()) == load("lenet5").analyze().totals.params
        True
        """
        from archtool.realize.build import realize

        return realize(self.flat())

    def verify(self, device: str = "auto", dtype: str = "float32") -> Verification:
        """Hold what is predicted against torch: shapes, parameters, multiply-adds, and what each layer sees.

        `device` is 'auto' (CUDA where there is one), 'cpu', 'cuda', or 'meta' (no memory, no receptive fields). Raises
        MissingExtra without torch.
        """
        from archtool.realize.verify import verify

        return verify(self, device, dtype)

    def verify_memory(
        self,
        device: str = "auto",
        dtype: str = "float32",
        *,
        batch: int = 1,
        mode: str = "inference",
        optimizer: str = "sgd",
        in_place: bool = False,
    ) -> Verification:
        """Hold the predicted memory against what torch takes; the words are those of `memory` and `verify`.

        On 'cpu' all tensors of a run are counted, layer by layer; on 'cuda' torch's allocator is asked, and may differ
        by 5% at inference, by 10% in training. Raises RuleError on 'meta' and where torch refuses to run the network.
        """
        from archtool.realize.memory import verify_memory

        return verify_memory(self, device, dtype, batch=batch, mode=mode, optimizer=optimizer, in_place=in_place)

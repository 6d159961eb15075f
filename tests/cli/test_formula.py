"""`archtool formula`: golden texts, identities, bounds held against analysis, refusals, and what it loads."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from archtool import load
from archtool.algebra.change import derivative
from archtool.algebra.comparison import compared, crossover
from archtool.algebra.inequality import solve
from archtool.algebra.reading import formula
from archtool.analysis.measures import measure

SEPARABLE = ("depthwise_separable", "--ratio", "depthwise_separable", "direct", "--in")
BOTTLENECK = ("bottleneck", "direct")


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("formula_resnet50.text", ("resnet50", "--in", "width,n,res")),
        ("formula_multiple.text", ("resnet50", "--in", "width,n,res=32*m", "--of", "params")),
        ("formula_output.text", ("resnet18", "--in", "c,h,w", "--of", "output")),
        ("formula_groups.json", ("bottleneck", "--in", "channels,mid", "--format", "json")),
        ("formula_separable.text", (*SEPARABLE, "channels, out, kernel=odd 1.., res")),
        ("formula_bottleneck.text", ("bottleneck", "--in", "channels, mid, out=channels", "--ratio", *BOTTLENECK)),
        ("formula_blocks.text", ("resnet50", "--ratio", "bottleneck", "basic", "--in", "mid, c=4*mid, stride=1..1")),
        ("formula_solve.text", ("resnet50", "--solve", "macs <= 300e6", "--for", "width")),
        (
            "formula_crossover.text",
            ("bottleneck", "--in", "mid", "--set", "out=256", "--crossover", *BOTTLENECK, "--for", "mid"),
        ),
        ("formula_limit.text", (*SEPARABLE, "out,kernel=odd 1..", "--limit", "out=oo")),
        ("formula_derivative.text", ("resnet50", "--in", "width,n,res=32*m", "--derivative", "n_3")),
    ],
)
def test_golden(archtool, golden, name, arguments):
    called = archtool("formula", *arguments)
    assert (called.code, called.err) == (0, "")
    golden(name, called.out)


def test_ratios_are_identities():
    """MobileNet's (arXiv:1704.04861, section 3.1), and a bottleneck a quarter as wide inside: 17/144 of one 3x3."""
    separable = compared(
        load("depthwise_separable"), "depthwise_separable", "direct", "macs", "channels, out, kernel=odd 1.., res"
    )
    assert str(separable.ratio) == "1/out + 1/kernel**2"
    below = separable.right.total.polynomial
    assert separable.ratio.polynomial * below == separable.left.total.polynomial
    narrow = compared(load("bottleneck"), "bottleneck", "direct", "macs", "mid, channels=4*mid, res")
    assert str(narrow.ratio) == "17/144"
    assert narrow.ratio.at() * narrow.right.at(mid=3, res=5) == narrow.left.at(mid=3, res=5)
    free = compared(load("bottleneck"), "bottleneck", "direct", "macs", "channels, mid, out=channels, res")
    assert str(free.ratio) == "2*mid/(9*channels) + mid**2/channels**2"


@pytest.mark.parametrize(
    ("spec", "condition", "name", "symbols"),
    [
        ("resnet50", "macs <= 1e9", "width", None),
        ("resnet50", "params < 30e6", "depths_2", "depths[2]"),
        ("resnet18", "activations <= 1e6", "res", "res"),
        ("vgg16", "receptive_field >= 100", "res", None),
        ("mobilenet_v1", "macs/params > 50", "res", None),
        ("resnet50", "peak_memory <= 16e6", "m", "res=32*m"),
    ],
)
def test_a_bound_is_where_analysis_says(spec, condition, name, symbols):
    found = solve(load(spec), condition, name, symbols)
    assert found.exact and found.checks
    assert {check.holds for check in found.checks} == {True, False}
    for check in found.checks:
        metric = condition.split()[0]
        if not check.problem and metric.isidentifier() and name in ("width", "res"):
            design = load(spec, **{name: check.value})
            assert check.left == measure(metric, design, design.run)


def test_a_bound_of_many_kinds_of_floors_is_found_by_bisection():
    text = "input: [3, n, n]\nvars: {n: 900}\nlayers:\n  - avg_pool: {kernel: 521, stride: 521}\n"
    text += "  - conv: {out: 1, kernel: 1}\n"
    found = solve(load(text), "macs <= 40", "n", "n=521..")
    assert not found.exact and "bisection" in found.how
    assert [(check.value, check.holds) for check in found.checks if not check.problem][-1] == (2084, False)


def test_a_crossover_is_exact():
    found = crossover(compared(load("bottleneck"), "bottleneck", "direct", "macs", "mid, out=channels"), "mid")
    assert found.roots == ("(-channels + channels*sqrt(82))/9",)
    numbers = crossover(compared(load("bottleneck", out=256), "bottleneck", "direct", "macs", "mid"), "mid")
    assert (numbers.less[-1].high, numbers.more[0].low) == (229, 230)
    for mid in (229, 230):
        macs = [load("bottleneck", design, out=256, mid=mid).analyze().totals.macs for design in (None, "direct")]
        assert (macs[0] < macs[1]) == (mid == 229)


def test_sympy_is_told_the_same():
    sympy = pytest.importorskip("sympy")
    found = formula(load("resnet50"), "macs", "width, n, res").total
    values = {"width": 64, "n_0": 3, "n_1": 4, "n_2": 6, "n_3": 3, "res": 224}
    told = found.to_sympy().xreplace({sympy.Symbol(name, integer=True): sympy.Integer(v) for name, v in values.items()})
    assert told == 4_089_184_256
    conditional = formula(load("bottleneck"), "macs", "channels, stride").total
    at = {sympy.Symbol("channels", integer=True): 64, sympy.Symbol("stride", integer=True): 2}
    assert conditional.to_sympy().subs(at) == conditional.at(channels=64, stride=2)
    by_hand = sympy.diff(found.to_sympy(), sympy.Symbol("width", integer=True))
    changed = derivative(formula(load("resnet50"), "macs", "width, n, res"), "width").totals["d(macs)/d(width)"]
    assert sympy.expand(by_hand - changed.to_sympy()) == 0


def test_latex(archtool):
    pytest.importorskip("sympy")
    called = archtool("formula", "resnet50", "--in", "width", "--latex")
    assert called.out == r"64 \mathrm{width} \left(15141 \mathrm{width} + 29312\right)" + "\n"


def test_json(archtool):
    found = json.loads(
        archtool("formula", "resnet50", "--solve", "macs <= 1e9", "--for", "width", "--format", "json").out
    )
    assert found["runs"] == [{"low": 1, "high": 31, "step": 1}]
    assert [check["holds"] for check in found["checks"]] == [True, True, False]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--in", "widht"), "'widht' is neither a var"),
        (("--in", "width", "--in", "width"), "'width' is named twice"),
        (("--of", "macz"), "'macz' is not what a formula tells; did you mean 'macs'?"),
        (("--solve", "macs <= 1e9"), "--solve needs --for NAME"),
        (("--for", "width"), "--for goes with --solve or --crossover"),
        (("--solve", "macs", "--for", "width"), "'macs' is no condition; write one like 'macs <= 300e6'"),
        (("--solve", "macs = 1e9", "--for", "width"), "'macs = 1e9' is no condition"),
        (("--solve", "mac <= 1e9", "--for", "width"), "unknown name 'mac'; did you mean 'macs'?"),
        (("--solve", "macs <= 1e9", "--for", "n"), "'n' stands for several symbols"),
        (("--solve", "macs <= 1e9", "--for", "foo"), "'foo' is neither a var"),
        (("--solve", "macs <= 1e9", "--for", "width", "--limit", "width=oo"), "--limit, --derivative and --latex"),
        (("--ratio", "resnet50", "bottelneck"), "did you mean 'bottleneck'?"),
        (("--ratio", "resnet50", "resnet18", "--solve", "macs < 1", "--for", "width"), "one at a time"),
        (("--block", "bottle"), "has no block 'bottle'; did you mean 'bottleneck'?"),
        (("--in", "width", "--limit", "width"), "--limit takes NAME=oo, not 'width'"),
        (("--in", "width", "--limit", "res=oo"), "'res' is no symbol here"),
        (("--in", "res", "--derivative", "res"), "there is no derivative by 'res': a floor of it jumps"),
        (("--in", "width", "--derivative", "widht"), "'widht' is no symbol here; did you mean 'width'?"),
        (("--crossover", "resnet50", "resnet18", "--for", "foo"), "'foo' is no symbol here"),
        (("--convention", "nothing"), "nothing"),
        (("--latex", "--format", "json"), "--latex prints LaTeX, without --format"),
        (("--of", "params", "--solve", "macs <= 1e9", "--for", "width"), "names its metrics in the condition"),
    ],
)
def test_refusals(archtool, arguments, reason):
    called = archtool("formula", "resnet50", *arguments)
    assert (called.code, called.out) == (2, "")
    assert reason in called.err
    assert "Traceback" not in called.err


def test_a_formula_needs_nothing_heavy():
    code = "import sys; from archtool import load; from archtool.algebra.reading import formula; "
    code += "from archtool.render.formula import text; text(formula(load('resnet50'), 'macs', 'width, n, res')); "
    code += "print([name for name in ('sympy', 'numpy', 'torch', 'networkx') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"

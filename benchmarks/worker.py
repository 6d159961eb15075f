"""A warm process of one tool on one network: `python -m benchmarks.worker TOOL NETWORK`.

Prints a line of JSON when it is ready. Then, for each line of standard input, a number of seconds, it takes samples for
that long, one at least, and prints them as one line.
"""

import json
import os
import sys
import warnings
from collections.abc import Iterator
from itertools import count
from time import perf_counter
from typing import Any

from benchmarks import peers
from benchmarks.results import Sample

ARCHTOOL = "archtool"
COUNT = "count"

Answer = tuple[Sample, int | None]  # what it took, and the multiply-adds answered


def archtool_samples(network: str) -> Iterator[Answer]:
    """archtool's samples, after one that is not counted."""
    from benchmarks import ours

    samples = ours.NETWORKS[network]()
    next(samples)
    return ((sample, None) for sample in samples)


def peer_samples(tool: str, network: str) -> Iterator[Answer]:
    """A peer's samples on a model already built, after one analysis of ResNet-50 that is not counted."""
    peer = peers.PEERS[tool]
    peer.macs(*peers.resnet50(peer.device))
    model, x = peers.NETWORKS[network](peer.device)

    def sample() -> Answer:
        start = perf_counter()
        macs = peer.macs(model, x)
        return {COUNT: perf_counter() - start}, macs

    return (sample() for _ in count())


def serve(tool: str, network: str) -> None:
    """Get ready, then take samples on request until standard input ends."""
    with os.fdopen(os.dup(1), "w") as replies:
        os.dup2(2, 1)  # what a tool prints is not a reply

        def reply(message: dict[str, Any]) -> None:
            print(json.dumps(message), file=replies, flush=True)

        try:
            samples = archtool_samples(network) if tool == ARCHTOOL else peer_samples(tool, network)
            reply({"ready": True})
            for line in sys.stdin:
                reply(_turn(samples, float(line)))
        except Exception as error:  # whatever a tool raises is the reason why it has no figure
            reply({"failed": f"{type(error).__name__}: {error}"})


def _turn(samples: Iterator[Answer], seconds: float) -> dict[str, Any]:
    taken: list[Sample] = []
    end = perf_counter() + seconds
    while not taken or perf_counter() < end:
        sample, macs = next(samples)
        taken.append(sample)
    return {"samples": taken, "macs": macs}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    serve(*sys.argv[1:])

"""In which runtime and precision features are computed, and how far that was proven to change nothing."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

Precision = Literal["fp32", "bf16", "int8"]
ModelPrecision = Literal["auto", "fp32", "bf16", "int8"]
"""As users name it; auto leaves the choice to whoever has the images."""

BATCH_ON_CPU = 16
"""Images that a network computes at once on a CPU: with more, their intermediate results leave its caches."""


@dataclass(frozen=True)
class Proof:
    """How features of some of the user's images compare with those of the same model in float32.

    Attributes:
        images: how many were compared.
        smallest_cosine: between two features of one image.
        rate: images per CPU second.
        reference: where the float32 features were computed.
        reference_rate: images per CPU second there.
        processor: on which.
        date: when, in ISO 8601.
    """

    images: int
    smallest_cosine: float
    rate: float
    reference: str
    reference_rate: float
    processor: str
    date: str


@dataclass(frozen=True)
class Computing:
    """What computes features.

    Attributes:
        runtime: `torch`, `ONNX Runtime` or `OpenVINO`.
        precision: of the arithmetic, or of the file for int8.
        proof: that it equals float32; None where it is the reference itself, or nobody asked.
    """

    runtime: str
    precision: Precision
    proof: Proof | None = None

    def __str__(self) -> str:
        return f"{self.runtime}, {self.precision}"

    def record(self) -> dict[str, Any]:
        """As JSON, for what is kept beside features and metrics."""
        proof = None if self.proof is None else asdict(self.proof)
        return {"runtime": self.runtime, "precision": self.precision, "proof": proof}

    def told(self) -> str:
        """In one line: what computes, and the proof."""
        proof = self.proof
        if proof is None or str(self) == proof.reference:
            rate = (
                "" if proof is None else f": {_shown(proof.rate)} images per CPU second, and nothing as exact is faster"
            )
            return f"computing in {self}{rate}"
        return (
            f"computing in {self}: smallest cosine {_cosine(proof.smallest_cosine)} to {proof.reference}, on "
            f"{proof.images} of the images; {_shown(proof.rate)} images per CPU second, there "
            f"{_shown(proof.reference_rate)}"
        )


def _cosine(value: float) -> str:
    """With as many digits as tell it from 1, and never rounded up to a bound that it misses."""
    return f"{int(value * 1e6) / 1e6:.6f}"


def _shown(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 10 else f"{rate:.1f}"

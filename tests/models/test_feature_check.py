"""Features that no distance means anything for are refused with the image's name."""

import pytest
import torch

from passerby.errors import CheckpointError
from passerby.models import check_features


def test_features_of_a_working_network_pass() -> None:
    check_features(torch.randn(3, 4), ["a.jpg", "b.jpg", "c.jpg"])
    check_features(torch.randn(0, 4))


@pytest.mark.parametrize(
    ("value", "fault"), [(float("nan"), "holds NaN"), (float("inf"), "holds NaN or infinite"), (0.0, "is zero")]
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_the_first_faulty_image_is_named(value: float, fault: str, dtype: torch.dtype) -> None:
    features = torch.ones(4, 2, 3, dtype=dtype)
    features[1], features[3] = value, value
    with pytest.raises(CheckpointError, match=rf"^b.jpg: its feature {fault}.* 1 more"):
        check_features(features, ["a.jpg", "b.jpg", "c.jpg", "d.jpg"])
    with pytest.raises(CheckpointError, match=r"^image 2 of a batch"):
        check_features(features)

"""CLIP's towers: sizes, strides, tokens, weights."""

import open_clip
import pytest
import torch

from passerby.errors import CheckpointError, RecipeError
from passerby.models.clip.towers import (
    ClipShape,
    build_clip,
    is_residual,
    patch_grid,
    patch_stride,
    residual_maps,
    resize_position_embedding,
    uses_quick_gelu,
    vision_tokens,
)
from tests.golden import golden_values


def test_position_embedding_is_resized_as_published() -> None:
    resized = resize_position_embedding(torch.from_numpy(golden_values("pe", (10, 2))), (3, 3), (4, 2))
    expected = (
        "0.353739 1.701168 0.619235 0.290973 0.377637 0.385337 -0.363258 0.018648 0.050220 -0.245999 -0.904139 "
        "-0.167751 -0.478337 -0.486761 -0.823115 -0.206091 -1.031848 -0.256695"
    )
    torch.testing.assert_close(
        resized.flatten(), torch.tensor([float(text) for text in expected.split()]), atol=1e-6, rtol=1e-5
    )


@pytest.mark.parametrize(("stride", "grid"), [(16, (16, 8)), (12, (21, 10))])
def test_patch_grid(stride: int, grid: tuple[int, int]) -> None:
    assert patch_grid((256, 128), 16, stride) == grid
    tower = build_clip(ClipShape("ViT-B-16", (256, 128), stride)).visual
    assert tower.grid_size == grid
    assert tower.conv1.stride == (stride, stride)
    assert len(tower.positional_embedding) == 1 + grid[0] * grid[1]


@pytest.mark.parametrize(
    ("shape", "residual", "stride", "quick_gelu"),
    [
        (ClipShape("ViT-B-16"), False, 16, False),
        (ClipShape("ViT-B-16-quickgelu", stride=12), False, 12, True),
        (ClipShape("ViT-B-16", quick_gelu=True), False, 16, True),
        (ClipShape("RN50", stride=12), True, None, False),
        (ClipShape("resnet-tiny"), True, None, True),
    ],
)
def test_what_a_shape_implies(shape: ClipShape, residual: bool, stride: int | None, quick_gelu: bool) -> None:
    assert is_residual(shape.architecture) is residual
    assert patch_stride(shape) == stride
    assert uses_quick_gelu(shape) is quick_gelu


def test_at_its_native_size_the_vision_tower_is_open_clips() -> None:
    torch.manual_seed(0)
    clip = build_clip(ClipShape("vit-nano", (32, 32))).eval()
    images = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        tokens = vision_tokens(clip.visual, images, blocks=(1, 2))
        expected = clip.encode_image(images)
        layers = clip.visual.forward_intermediates(images, output_fmt="NLC", output_extra_tokens=True)
    torch.testing.assert_close(tokens.projected[:, 0], expected)
    torch.testing.assert_close(tokens.blocks[0][:, 1:], layers["image_intermediates"][0])
    torch.testing.assert_close(tokens.blocks[1][:, 1:], layers["image_intermediates"][1])


def test_the_residual_tower_pools_as_open_clips_does() -> None:
    torch.manual_seed(0)
    clip = build_clip(ClipShape("resnet-nano", (64, 32))).eval()
    images = torch.randn(2, 3, 64, 32)
    with torch.no_grad():
        maps = residual_maps(clip.visual, images)
        pooled = clip.visual.attnpool(maps.fourth)
    assert maps.third.shape[2:] == maps.fourth.shape[2:] == (4, 2)
    torch.testing.assert_close(maps.projected, pooled)


def test_weights_of_a_square_model_are_fitted_to_the_image() -> None:
    torch.manual_seed(0)
    square = open_clip.CLIP(**_configuration("vit-nano"))
    clip = build_clip(ClipShape("vit-nano", (64, 32), stride=4), square.state_dict())
    assert clip.visual.positional_embedding.shape == (1 + 15 * 7, 32)
    torch.testing.assert_close(clip.visual.positional_embedding[0], square.visual.positional_embedding[0])
    torch.testing.assert_close(clip.visual.conv1.weight, square.visual.conv1.weight)


def test_weights_of_another_architecture_are_refused_with_names() -> None:
    state = open_clip.CLIP(**_configuration("vit-nano")).state_dict()
    state.pop("logit_scale")
    with pytest.raises(CheckpointError, match=r"1 tensors missing: logit_scale"):
        build_clip(ClipShape("vit-nano", (64, 32)), state)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (ClipShape("vit-huge"), "model.architecture: unknown name 'vit-huge'"),
        (ClipShape("vit-nano", (64, 32), stride=9), "model.stride: 9"),
        (ClipShape("vit-nano", (4, 4)), "model.image_size: 4×4 is too small"),
        (ClipShape("coca_ViT-B-32"), "not a plain CLIP model"),
        (ClipShape("convnext_base"), "not a plain CLIP model"),
    ],
)
def test_impossible_shapes_are_refused(shape: ClipShape, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        build_clip(shape)


def _configuration(name: str) -> dict[str, object]:
    from passerby.models.clip.towers import SMALL_ARCHITECTURES

    return dict(SMALL_ARCHITECTURES[name])

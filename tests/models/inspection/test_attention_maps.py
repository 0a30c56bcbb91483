"""Maps of where a network looks, against the modules' own attention."""

import pytest
import torch

from passerby.models.clip.pair import ClipPair
from passerby.models.clip.towers import ClipShape, vision_tokens
from passerby.models.clip.vocabulary import Vocabulary
from passerby.models.clip_reid.network import ClipReid, ClipReidSizes
from passerby.models.inspection.attention_maps import (
    CLASS_ATTENTION,
    TOKEN_WEIGHTS,
    PatchGeometry,
    clip_attention_maps,
    saga_attention_maps,
)
from passerby.models.saga.network import Saga
from passerby.models.saga.shape import AnchorShape, EmbeddingShape, SagaShape, SagaSizes

IMAGES = torch.randn(2, 3, 64, 32, generator=torch.Generator().manual_seed(0))


def test_class_attention_is_that_of_the_last_block() -> None:
    torch.manual_seed(0)
    model = ClipReid(ClipShape("vit-nano", (64, 32)), ClipReidSizes(None)).eval()
    found = clip_attention_maps(model, IMAGES)
    with torch.no_grad():
        stream = vision_tokens(model.image_encoder, IMAGES, blocks=(1,)).blocks[0]  # type: ignore[arg-type]
        block = model.image_encoder.transformer.resblocks[1]  # type: ignore[union-attr, index]
        normalised = block.ln_1(stream)
        _, weights = block.attn(normalised, normalised, normalised, need_weights=True)
    expected = weights[:, 0, 1:] / weights[:, 0, 1:].sum(1, keepdim=True)
    for each, values in zip(found, expected, strict=True):
        torch.testing.assert_close(each.maps[CLASS_ATTENTION], values.reshape(8, 4))


def test_a_pair_of_towers_shows_the_same_as_clip_reid_with_its_tower() -> None:
    torch.manual_seed(0)
    shape = ClipShape("vit-nano", (64, 32))
    pair = ClipPair(shape, Vocabulary([320, 49407])).eval()
    model = ClipReid(shape, ClipReidSizes(None)).eval()
    model.image_encoder.load_state_dict(pair.visual.state_dict())
    for each, expected in zip(clip_attention_maps(pair, IMAGES), clip_attention_maps(model, IMAGES), strict=True):
        torch.testing.assert_close(each.maps[CLASS_ATTENTION], expected.maps[CLASS_ATTENTION])


def test_a_residual_network_shows_its_pooling() -> None:
    model = ClipReid(ClipShape("resnet-nano", (64, 32)), ClipReidSizes(None)).eval()
    found = clip_attention_maps(model, IMAGES)
    assert found[0].maps[CLASS_ATTENTION].shape == (4, 2)
    assert found[0].maps[CLASS_ATTENTION].sum().item() == pytest.approx(1, rel=1e-5)


@pytest.mark.parametrize("layers", [(1,), (1, 2)])
def test_saga_shows_its_weights_and_the_anchors_that_drew_most(layers: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    anchors = AnchorShape(count=4, domain_count=2, token_layers=layers, heads=4)
    shape = SagaShape(ClipShape("vit-nano", (64, 32), 4), anchors, EmbeddingShape(flip=True))
    model = Saga(shape, SagaSizes(None)).eval()
    found = saga_attention_maps(model, IMAGES, anchors=2)
    with torch.no_grad():
        tokens = model.tokens(IMAGES)
        paths = model.aggregate(tokens.patches, tokens.projected).paths
    for number, each in enumerate(found):
        assert [name.split(",")[0].split(" ")[0] for name in each.maps] == ["token", *each_anchor(each), "class"]
        assert all(values.shape == (15, 7) for values in each.maps.values())
        assert all(values.sum().item() == pytest.approx(1, rel=1e-4) for values in each.maps.values())
        expected = sum(path.weights[number] for path in paths) / len(paths)
        torch.testing.assert_close(each.maps[TOKEN_WEIGHTS].flatten(), expected)
    mass = torch.cat([path.attention for path in paths], 2)[0].sum(0)
    strongest = int(mass.argmax())
    wanted = f"anchor {strongest + 1}" if strongest < 4 else f"image anchor {strongest - 3}"
    assert list(found[0].maps)[1].startswith(wanted + ", ")


def each_anchor(maps: object) -> list[str]:
    names = list(maps.maps)[1:-1]  # type: ignore[attr-defined]
    return [name.split(" ")[0] for name in names]


def test_patches_become_pixels_and_pixels_patches() -> None:
    plain = PatchGeometry((8, 4), (4, 2), 2, 2)
    values = torch.arange(8.0).reshape(4, 2)
    assert torch.equal(plain.over_pixels(values), values.repeat_interleave(2, 0).repeat_interleave(2, 1))
    overlapping = PatchGeometry((5, 3), (2, 1), 3, 2)
    pixels = overlapping.over_pixels(torch.tensor([[2.0], [4.0]]))
    assert pixels[:, 0].tolist() == [2, 2, 3, 4, 4]
    region = torch.zeros(5, 3, dtype=torch.bool)
    region[3:] = True
    torch.testing.assert_close(overlapping.share_inside(region), torch.tensor([[0.0], [2 / 3]]))

"""The tensors of an official SAGA stage-3 file, written down from a table of them, not from our network."""

import torch
from torch import Tensor

from tests.golden import golden_parameter

_WIDTH, _JOINT, _TEXT = 768, 512, 512


def official_shapes(classes: int = 10, *, patches: int = 210) -> dict[str, tuple[int, ...]]:
    """Names and shapes of a stage-3 file with 24 text anchors, 3 image-conditioned ones and 4 classifiers."""
    image = _image_tower(patches)
    text = _text_tower()
    wrapped = {**{f"image_encoder.{name}": shape for name, shape in image.items()}, **_stage2(classes)}
    wrapped |= {f"text_encoder.{name}": shape for name, shape in text.items()}
    names = {f"backbone.{name}": shape for name, shape in image.items()}
    names |= {f"clipreid_model.{name}": shape for name, shape in wrapped.items()}
    names |= {f"text_anchor.text_encoder.{name}": shape for name, shape in text.items()}
    names |= {
        "text_anchor.ctx_main": (24, 4, _TEXT),
        "text_anchor.ctx_parts": (24, 12, _TEXT),
        "text_anchor.token_prefix": (1, _TEXT),
        "text_anchor.token_suffix": (60, _TEXT),
        "text_anchor.tokenized_prompts": (1, 77),
        "text_anchor.proj.weight": (_WIDTH, _JOINT),
        "domain_anchor.anchor_gen.0.weight": (_WIDTH, _WIDTH),
        "domain_anchor.anchor_gen.0.bias": (_WIDTH,),
        "domain_anchor.anchor_gen.2.weight": (3 * _WIDTH, _WIDTH),
        "domain_anchor.anchor_gen.2.bias": (3 * _WIDTH,),
        "text_proj.weight": (_JOINT, _WIDTH),
    }
    names |= refinement_shapes("refine.")
    names |= _neck("bn", _WIDTH)
    names |= {f"classifiers.{number}.weight": (classes, _WIDTH) for number in range(4)}
    return names


def refinement_shapes(prefix: str) -> dict[str, tuple[int, ...]]:
    """One refinement of two layers."""
    names: dict[str, tuple[int, ...]] = {}
    for layer in (f"{prefix}layers.{number}." for number in range(2)):
        for norm in ("norm_q", "norm_kv", "norm_ff"):
            names |= {f"{layer}{norm}.weight": (_WIDTH,), f"{layer}{norm}.bias": (_WIDTH,)}
        names |= {
            f"{layer}attn.in_proj_weight": (3 * _WIDTH, _WIDTH),
            f"{layer}attn.in_proj_bias": (3 * _WIDTH,),
            f"{layer}attn.out_proj.weight": (_WIDTH, _WIDTH),
            f"{layer}attn.out_proj.bias": (_WIDTH,),
            f"{layer}ff.0.weight": (4 * _WIDTH, _WIDTH),
            f"{layer}ff.0.bias": (4 * _WIDTH,),
            f"{layer}ff.3.weight": (_WIDTH, 4 * _WIDTH),
            f"{layer}ff.3.bias": (_WIDTH,),
        }
    return names


def fill_official(names: dict[str, tuple[int, ...]], tokens: Tensor) -> dict[str, Tensor]:
    """Golden values for all of them; one tensor under two names has the values of the first of them."""
    values: dict[str, Tensor] = {}
    for name, shape in names.items():
        key = name.replace("clipreid_model.image_encoder.", "backbone.")
        key = key.replace("text_anchor.text_encoder.", "clipreid_model.text_encoder.")
        if key not in values:
            values[key] = _value(key, shape, tokens)
        values[name] = values[key]
    return {name: values[name] for name in names}


def _value(name: str, shape: tuple[int, ...], tokens: Tensor) -> Tensor:
    if name.endswith("num_batches_tracked"):
        return torch.tensor(0)
    if name.endswith("tokenized_prompts"):
        return tokens[None]
    return torch.from_numpy(golden_parameter(name, shape))


def _image_tower(patches: int) -> dict[str, tuple[int, ...]]:
    return {
        "class_embedding": (_WIDTH,),
        "positional_embedding": (1 + patches, _WIDTH),
        "proj": (_WIDTH, _JOINT),
        "conv1.weight": (_WIDTH, 3, 16, 16),
        **_norm("ln_pre", _WIDTH),
        **_norm("ln_post", _WIDTH),
        **_blocks(_WIDTH),
    }


def _text_tower() -> dict[str, tuple[int, ...]]:
    return {
        "positional_embedding": (77, _TEXT),
        "text_projection": (_TEXT, _JOINT),
        **_norm("ln_final", _TEXT),
        **_blocks(_TEXT),
    }


def _stage2(classes: int) -> dict[str, tuple[int, ...]]:
    return {
        "visual_prompt": (1, 1, 512),
        "classifier.weight": (classes, _WIDTH),
        "classifier_proj.weight": (classes, _JOINT),
        **_neck("bottleneck", _WIDTH),
        **_neck("bottleneck_proj", _JOINT),
        "image_fusion_net.fc1.weight": (256, 1024),
        "image_fusion_net.fc1.bias": (256,),
        "image_fusion_net.fc2.weight": (512, 256),
        "image_fusion_net.fc2.bias": (512,),
        "prompt_learner.ctx_generic": (classes, 8, _TEXT),
        "prompt_learner.ctx_modality": (2, 4, _TEXT),
        "prompt_learner.ctx_platform": (2, 4, _TEXT),
        "prompt_learner.token_prefix": (1, 1, _TEXT),
        "prompt_learner.token_suffix": (1, 60, _TEXT),
        "prompt_learner.visual_enhanced_net.linear1.weight": (32, 512),
        "prompt_learner.visual_enhanced_net.linear1.bias": (32,),
        "prompt_learner.visual_enhanced_net.linear2.weight": (512, 32),
        "prompt_learner.visual_enhanced_net.linear2.bias": (512,),
    }


def _norm(name: str, width: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def _neck(name: str, width: int) -> dict[str, tuple[int, ...]]:
    return {
        **_norm(name, width),
        f"{name}.running_mean": (width,),
        f"{name}.running_var": (width,),
        f"{name}.num_batches_tracked": (),
    }


def _blocks(width: int) -> dict[str, tuple[int, ...]]:
    names: dict[str, tuple[int, ...]] = {}
    for block in (f"transformer.resblocks.{number}." for number in range(12)):
        names |= {
            f"{block}attn.in_proj_weight": (3 * width, width),
            f"{block}attn.in_proj_bias": (3 * width,),
            f"{block}attn.out_proj.weight": (width, width),
            f"{block}attn.out_proj.bias": (width,),
            **_norm(f"{block}ln_1", width),
            **_norm(f"{block}ln_2", width),
            f"{block}mlp.c_fc.weight": (4 * width, width),
            f"{block}mlp.c_fc.bias": (4 * width,),
            f"{block}mlp.c_proj.weight": (width, 4 * width),
            f"{block}mlp.c_proj.bias": (width,),
        }
    return names

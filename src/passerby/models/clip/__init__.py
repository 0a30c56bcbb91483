"""CLIP's towers at any image size and stride, its prompts, vocabularies and weights."""

from typing import TYPE_CHECKING

from passerby.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from passerby.models.clip.pair import ClipPair
    from passerby.models.clip.pair_files import as_clip, is_clip_pair
    from passerby.models.clip.pretrained import ClipWeights, clip_weights
    from passerby.models.clip.prompts import CLIP_REID_PROMPT, PromptLearner, TextEncoder, encode_all_prompts
    from passerby.models.clip.towers import SMALL_ARCHITECTURES, ClipShape, build_clip, residual_maps, vision_tokens
    from passerby.models.clip.vocabulary import Vocabulary, numbers_by_word, token_count, tokenise, vocabulary_of
    from passerby.models.clip.word_tokens import END, START, WordTokenizer, split_text, words_of

__all__ = [
    "CLIP_REID_PROMPT",
    "END",
    "SMALL_ARCHITECTURES",
    "START",
    "ClipPair",
    "ClipShape",
    "ClipWeights",
    "PromptLearner",
    "TextEncoder",
    "Vocabulary",
    "WordTokenizer",
    "as_clip",
    "build_clip",
    "clip_weights",
    "encode_all_prompts",
    "is_clip_pair",
    "numbers_by_word",
    "residual_maps",
    "split_text",
    "token_count",
    "tokenise",
    "vision_tokens",
    "vocabulary_of",
    "words_of",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "pair": ["ClipPair"],
        "pair_files": ["as_clip", "is_clip_pair"],
        "pretrained": ["ClipWeights", "clip_weights"],
        "prompts": ["CLIP_REID_PROMPT", "PromptLearner", "TextEncoder", "encode_all_prompts"],
        "towers": ["SMALL_ARCHITECTURES", "ClipShape", "build_clip", "residual_maps", "vision_tokens"],
        "vocabulary": ["Vocabulary", "numbers_by_word", "token_count", "tokenise", "vocabulary_of"],
        "word_tokens": ["END", "START", "WordTokenizer", "split_text", "words_of"],
    },
)

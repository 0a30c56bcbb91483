"""The card of a published model file: what it takes, what it gives, and what its licence says.

Nothing about a file is guessed: a network that is fed RGB where it wants BGR raises no error and finds the wrong
people.
"""

from typing import Annotated, Literal

from pydantic import Field, field_serializer, field_validator, model_validator

from passerby.recipe_section import Finite, Positive, Probability, Section

Layout = Literal["NCHW", "NHWC"]
OutputForm = Literal["features", "yolox-grid", "detr-raw", "detr-processed", "ssd", "boxes-score"]
Resize = Literal["squash", "letterbox-top-left", "letterbox-centre"]
Side = Annotated[int, Field(ge=1, le=8192)]
TokenNumber = Annotated[int, Field(ge=0, lt=49_408)]
Colour = tuple[Finite, Finite, Finite]

DETECTOR_FORMS = ("yolox-grid", "detr-raw", "detr-processed", "ssd", "boxes-score")


class InputSection(Section):
    """What a model takes, and how a picture becomes that."""

    name: str = ""
    """The input's name in the file; empty: the only one there is."""
    layout: Layout = "NCHW"
    """Order of the dimensions: batch, channels, height and width."""
    size: tuple[Side, Side]
    """Height and width in pixels."""
    channels: Literal["rgb", "bgr"]
    """Order of the colours."""
    dtype: Literal["float32", "float16", "uint8"] = "float32"
    """Type of the input's numbers."""
    batch: Literal["dynamic"] | Annotated[int, Field(ge=1, le=4096)] = "dynamic"
    """How many pictures at once: always so many, or any number."""
    scale: Positive = 1.0
    """What pixels, 0 to 255, are divided by, before mean and std: 255 for values from 0 to 1."""
    mean: Colour = (0.0, 0.0, 0.0)
    """Subtracted after that, per channel in the order of `channels`."""
    std: tuple[Positive, Positive, Positive] = (1.0, 1.0, 1.0)
    """Divided by after that, likewise."""
    resize: Resize = "squash"
    """Both sides to `size`, or both by one factor onto a canvas, top left or in the centre."""
    pad: int = Field(default=114, ge=0, le=255)
    """Grey level of the canvas around a letterboxed picture."""
    interpolation: Literal["bilinear", "bicubic"] = "bilinear"
    """How pixels are resized."""
    antialias: bool = False
    """Whether a smaller picture averages all of its pixels, as Pillow's does, or samples them, as OpenCV's does."""
    size_name: str = ""
    """A second input that takes the picture's width and height, int64 [N, 2]; empty: none."""

    @model_validator(mode="after")
    def _integers_are_not_normalised(self) -> "InputSection":
        if self.dtype == "uint8" and (self.scale, self.mean, self.std) != (1.0, (0.0,) * 3, (1.0,) * 3):
            raise ValueError("a uint8 input takes pixels as they are: leave out scale, mean and std, or give its dtype")
        return self


class OutputSection(Section):
    """What a model gives."""

    names: tuple[str, ...] = ()
    """Names of the outputs that are used, in the order of `form`; empty: all, in the file's order."""
    form: OutputForm
    """features; or a detector's: yolox-grid, detr-raw, detr-processed, ssd, boxes-score."""
    normalised: bool = False
    """Whether features have length 1 already."""
    dim: int = Field(default=0, ge=0, le=65_536)
    """Length of a feature; 0: as the file says."""
    person_label: int = Field(default=0, ge=0, le=10_000)
    """The class that means a person."""
    nms_iou: Probability | None = None
    """Boxes that overlap a better one by more are dropped; null: the model has done that, or needs none."""
    lowest_score: Probability = 0.1
    """Boxes below are never looked at."""


class TextSection(Section):
    """The text tower of a model that embeds sentences as well as pictures."""

    file: str = Field(min_length=1)
    """The tower's file, beside the model's."""
    sha256: str = ""
    """Its hash; empty: not checked."""
    input: str = ""
    """The input that takes CLIP's token numbers, int64 [N, context]; empty: the only one."""
    output: str = ""
    """The output with a feature for each text; empty: the only one."""
    context: int = Field(default=77, ge=1, le=4096)
    """Tokens that it reads."""
    words: tuple[str, ...] = ()
    """Words that it has learned, to warn of others; none: all of CLIP's."""
    vocabulary: dict[str, tuple[TokenNumber, ...]] = Field(default_factory=dict)
    """CLIP's numbers of the words and signs it has learned, `a=320 heavyset=12048/1167`; none: CLIP's tokenizer."""
    unknown: TokenNumber = 1
    """The token number that stands for all others, where there is a vocabulary."""

    @field_validator("vocabulary", mode="before")
    @classmethod
    def _words_of_text(cls, vocabulary: object) -> object:
        """One text, with spaces between words, is read a hundred times as fast as a mapping."""
        if not isinstance(vocabulary, str):
            return vocabulary
        parts = (each.rpartition("=") for each in vocabulary.split())
        return {word: numbers.split("/") for word, _, numbers in parts}

    @field_serializer("vocabulary")
    def _as_text(self, vocabulary: dict[str, tuple[int, ...]]) -> str:
        return " ".join(f"{word}={'/'.join(map(str, numbers))}" for word, numbers in vocabulary.items())


class LicenceSection(Section):
    """What one may do with it."""

    code: str = "not stated"
    """Licence of the code that made it."""
    weights: str = "not stated"
    """Licence of the weights."""
    data: str = "not stated"
    """What it was trained on, and the terms of that."""
    commercial: bool = True
    """False where any of these forbids commercial use."""


class ReferenceSection(Section):
    """What the model gives for a drawn picture, by which a wrong card is noticed before anything is computed."""

    picture: Literal["drawn-1"] = "drawn-1"
    """Which picture: see `passerby.models.zoo.check_picture`."""
    values: tuple[Finite, ...] = Field(min_length=8, max_length=4096)
    """An embedder's feature, of length 1; of a detector's first output so many values, evenly spaced."""
    cosine: float = Field(default=0.999, gt=0, le=1)
    """The least cosine between these values and those that the file gives."""

    @field_validator("values", mode="before")
    @classmethod
    def _numbers_of_text(cls, values: object) -> object:
        """Numbers may stand in one text, with spaces between them, which is read a hundred times as fast."""
        return values.split() if isinstance(values, str) else values

    @field_serializer("values")
    def _as_text(self, values: tuple[float, ...]) -> str:
        return " ".join(map(repr, values))


class ModelCard(Section):
    """Everything that is needed to use a model file, and that nobody can guess."""

    kind: Literal["embedder", "detector", "clip"]
    """What it is: features of people, boxes of people, or features of people and of sentences."""
    name: str = ""
    """What it is called."""
    input: InputSection
    """What it takes."""
    output: OutputSection
    """What it gives."""
    text: TextSection | None = None
    """The text tower, of kind clip."""
    licence: LicenceSection = LicenceSection()
    """What one may do with it."""
    source: str = ""
    """Where it comes from: an address, or the run that it was exported from."""
    sha256: str = Field(default="", pattern="^([0-9a-f]{64})?$")
    """Hash of the file; of OpenVINO's, of the .bin; empty inside a file, which cannot hold its own."""
    reference: ReferenceSection | None = None
    """A check that the card fits the file; null: none was published."""
    facts: dict[str, str] = Field(default_factory=dict)
    """More that its maker tells, such as versions, hashes of recipe and weights, and parity figures."""

    @model_validator(mode="after")
    def _parts_fit_together(self) -> "ModelCard":
        detects = self.kind == "detector"
        if detects != (self.output.form in DETECTOR_FORMS):
            known = ", ".join(DETECTOR_FORMS) if detects else "features"
            raise ValueError(f"a card of kind {self.kind} needs an output.form of {known}, not {self.output.form}")
        if self.output.form in ("ssd", "boxes-score") and self.input.batch != 1:
            raise ValueError(f"a model of form {self.output.form} takes one picture at a time: input.batch must be 1")
        if self.text is not None and self.kind != "clip":
            raise ValueError(f"only a card of kind clip has a text tower, not one of kind {self.kind}")
        return self

"""Learn from a gallery without labels: what `passerby adapt` does."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import get_args

from passerby.config import Recipe
from passerby.errors import GalleryError, RecipeError
from passerby.gallery.gallery import Gallery, open_gallery
from passerby.gallery.opening import shown_location
from passerby.gallery.records import ModelKey
from passerby.gallery.stores.sqlite import FILE
from passerby.inference.loading import load
from passerby.output_lock import alone_at
from passerby.output_paths import checked_folder
from passerby.progress import log_line
from passerby.workflows.adapting.choosing import choose
from passerby.workflows.adapting.constraints import write_camera_constraints, write_tracklet_constraints
from passerby.workflows.adapting.judging import is_worse, judge
from passerby.workflows.adapting.learning_data import (
    Plan,
    read_plan,
    write_pictures,
    write_plan,
)
from passerby.workflows.adapting.recipes import Way, learning_plan
from passerby.workflows.adapting.record import (
    Outcome,
    begin_record,
    earlier_outcome,
    is_begun,
    note_prepared,
    recorded_model,
    was_prepared,
    write_outcome,
)
from passerby.workflows.adapting.starts import Start, open_start
from passerby.workflows.adapting.trained_weights import keep_trained
from passerby.workflows.adapting.training import recipe_in, train_in
from passerby.workflows.indexing.embed_gallery import embed_pictures, features_of, kept_name
from passerby.workflows.indexing.model_choice import model_of
from passerby.workflows.indexing.tracked_people import model_key

_LEARNING = "learning"
"""The folder inside the run that the gallery lends: all that shows or describes people is in it."""


@dataclass(frozen=True)
class Adapted:
    """A model that has learned from a gallery.

    Attributes:
        folder: of the run; `passerby.load` takes it.
        outcome: whom it learned from, and how good it is.
        embedded: tracklets of the gallery that have features of it since this call; None where it was not to embed, or
            came out worse.
    """

    folder: Path
    outcome: Outcome
    embedded: int | None


@dataclass(frozen=True)
class AdaptOptions:
    """How a model learns from a gallery.

    Attributes:
        method: what is learned from: `cluster-contrast` (clusters that it finds itself, obeying what people said),
            `identities` (of the gallery), `cion` (likewise, by self-distillation) or `ccafl` (identities inside each
            camera).
        model: name of the gallery's model whose features are compared with; None for the newest.
        init: what to begin with, as `passerby.load` takes it; None for the gallery's model.
        overrides: changes to the recipe, `section.key=value`.
        hold_back: share of the confirmed people that is held back to judge by; of tracklets where too few are.
        min_tracklets: of a person to be learned from; of `identities` and `cion`.
        seed: of everything random.
    """

    method: Way = "cluster-contrast"
    model: str | None = None
    init: str | None = None
    overrides: Sequence[str] = ()
    hold_back: float = 0.25
    min_tracklets: int = 2
    seed: int = 1234

    def __post_init__(self) -> None:
        if self.method not in get_args(Way):
            raise RecipeError(f"method={self.method}: is none of {', '.join(get_args(Way))}")
        if not 0 < self.hold_back <= 0.5:
            raise RecipeError(f"hold_back={self.hold_back}: is a share above 0 and at most 0.5")
        if self.min_tracklets < 1:
            raise RecipeError(f"min_tracklets={self.min_tracklets}: must be at least 1")


def adapt(
    gallery: str | Path,
    out: str | Path,
    options: AdaptOptions | None = None,
    *,
    embed: bool = True,
    even_if_worse: bool = False,
    device: str | None = None,
    reason: str = "",
    show: bool = False,
    **choices: object,
) -> Adapted:
    """Learn from the people of a gallery, without labels, and let the gallery embed its pictures with the result.

    People are held back, and both models are judged by them. Interrupted at any moment, the same call goes on.

    Args:
        gallery: its folder, or the address of a server.
        out: the run's folder.
        options: how it learns, all choices at once; else they are given one by one, as `method="ccafl"`.
        embed: whether the gallery gets features of the new model beside those that it has.
        even_if_worse: embed although the new model came out worse.
        device: where to train and embed; by default a GPU where there is one.
        reason: why, for the gallery's log.
        show: whether to show progress on stderr.
        **choices: fields of `AdaptOptions`.

    Raises:
        GalleryError: there is no gallery, or too little in it to learn from or to judge by.
        CheckpointError: the model to begin with cannot be trained.
        RecipeError: the method cannot begin with it, or an option or key does not fit.
        PasserbyError: whatever stops training.
    """
    options = options or AdaptOptions(**choices)  # type: ignore[arg-type]
    folder = checked_folder(out)
    _check_place(folder)
    shown = shown_location(gallery)
    with open_gallery(gallery) as opened, alone_at(folder / _LEARNING):
        model = model_of(opened, options.model or recorded_model(folder), shown)
        outcome = earlier_outcome(folder, _request(opened, options, model))
        if outcome is None:
            outcome = _Learning(opened, shown, folder, model, options, device, reason, show).run()
            write_outcome(folder, outcome)
        opened.return_folder(folder / _LEARNING)
        embedded = None
        if embed and (even_if_worse or not outcome.worse):
            embedder = load(folder, device=device)
            embedded = embed_pictures(opened, embedder, model_key(embedder, kept_name(folder)), show=show)
    return Adapted(folder, outcome, embedded)


@dataclass(frozen=True)
class _Learning:
    """One gallery, from choosing people to the outcome."""

    gallery: Gallery
    name: str
    folder: Path
    model: ModelKey
    options: AdaptOptions
    device: str | None
    reason: str
    show: bool

    def run(self) -> Outcome:
        """Learn and judge."""
        options, learning = self.options, self.folder / _LEARNING
        start = open_start(options.init or self.model.name, of_gallery=options.init is None)
        plan = self._kept_plan() or self._new_plan(start)
        held = self.gallery.get(sorted(plan.held))
        before = judge(held, plan, self.gallery.features(sorted(plan.held), self.model))
        recipe = self._recipe(start, plan.people)
        run = train_in(learning, recipe)
        keep_trained(run, self.folder)
        embedder = load(self.folder, device=self.device)
        after = judge(held, plan, features_of(self.gallery, sorted(plan.held), embedder))
        return Outcome(
            method=recipe.method,
            people=0 if options.method == "cluster-contrast" else plan.people,
            tracklets=plan.tracklets,
            pictures=plan.pictures,
            held_people=len(set(plan.held.values())),
            held_tracklets=len(plan.held),
            measure=plan.measure,
            before=before,
            after=after,
            worse=is_worse(before, after),
            notes=plan.notes,
        )

    def _recipe(self, start: Start, people: int) -> Recipe:
        plan = learning_plan(self.options.method, start, people=people, seed=self.options.seed)
        return recipe_in(self.folder / _LEARNING, plan, self.options.overrides, self.device)

    def _kept_plan(self) -> Plan | None:
        """The plan of an earlier call, which was interrupted; None where there is none, or somebody in it is erased."""
        learning = self.folder / _LEARNING
        if plan := read_plan(learning) if self.gallery.has_lent(learning) else None:
            return plan
        if was_prepared(self.folder):
            log_line("somebody was erased whom it learned from: it begins anew, without them", show=True)
        self.gallery.return_folder(learning)
        return None

    def _new_plan(self, start: Start) -> Plan:
        """Choose whom to learn from, and write it down with the pictures."""
        options, learning = self.options, self.folder / _LEARNING
        chosen = choose(
            self.gallery,
            self.model,
            options.method,
            hold_back=options.hold_back,
            min_tracklets=options.min_tracklets,
            seed=options.seed,
            name=self.name,
        )
        self._recipe(start, chosen.people)  # which may be refused, before anything is written
        begin_record(self.folder, _request(self.gallery, options, self.model))
        numbers = [each.number for each in chosen.learned.tracklets]
        everybody = [*numbers, *chosen.division.held]
        self.gallery.lend_folder(learning, everybody, action="adapt", reason=self.reason)
        pictures = write_pictures(self.gallery, learning, chosen.learned, show=self.show)
        if options.method == "ccafl":
            write_camera_constraints(learning, chosen.learned, chosen.persons, chosen.decisions)
        elif options.method == "cluster-contrast":
            write_tracklet_constraints(learning, chosen.learned, chosen.confirmed, chosen.decisions)
        self.gallery.get(everybody)  # of whom none may have gone meanwhile
        plan = Plan(chosen.division.measure, chosen.division.held, chosen.people, len(numbers), pictures, chosen.notes)
        write_plan(learning, plan)
        note_prepared(self.folder)
        return plan


def _request(gallery: Gallery, options: AdaptOptions, model: ModelKey) -> dict[str, object]:
    """What decides the outcome, to be said alike when it goes on."""
    return {"gallery": gallery.mark(), **asdict(options), "model": model.name}


def _check_place(folder: Path) -> None:
    if any((place / FILE).exists() for place in folder.absolute().parents):
        raise GalleryError(f"{folder}: lies in the folder of a gallery, which holds nothing else: name another place")
    there = [each for each in folder.iterdir() if not each.name.startswith(".")] if folder.is_dir() else []
    if there and not is_begun(folder):
        raise GalleryError(f"{folder}: holds something else already: name a new folder with --out")

"""A synthetic world, whose people walk past its cameras; every crop can be drawn alone and in any order."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from passerby.synth.cameras.camera import HEIGHT, WIDTH
from passerby.synth.look import Look
from passerby.synth.people.person import Person, make_person
from passerby.synth.places.crops import Box, Crop, Size, detect, outline, take_crop
from passerby.synth.places.scene import Place, Somebody, make_place
from passerby.synth.places.walks import Walk, draw_walk
from passerby.synth.randomness import keyed_generator

STRANGERS = 1_000_000
"""People without an identity have numbers from here on."""

_POOL = 60
"""How many different strangers walk beside others."""

STEP, PASS = 0.5, 3.0
"""Seconds between two crops of one pass, unless the pass would take longer than the second number."""


@dataclass(frozen=True)
class Pass:
    """One way of a person past a camera, and who else is there.

    Attributes:
        walk: of the person.
        company: numbers of others, and their ways.
    """

    walk: Walk
    company: tuple[tuple[int, Walk], ...]


class World:
    """People and cameras of one seed.

    Args:
        seed: everything follows from it.
        steps: crops of one pass.
        size: height and width of the crops in pixels.
        crowd: how many others are near a person, on average.
        look: of people, cameras and places.
    """

    def __init__(self, *, seed: int, steps: int, size: Size, crowd: float = 1.0, look: Look = "plain") -> None:
        self.seed, self.steps, self.size, self.crowd, self.look = seed, steps, size, crowd, look
        # One identity is drawn at a time; strangers come back again and again.
        self.person = lru_cache(maxsize=_POOL + 40)(self._make_person)
        self.passing = lru_cache(maxsize=64)(self._make_pass)

    def _make_person(self, number: int) -> Person:
        return make_person(self.seed, number, self.look)

    def place(self, number: int) -> Place:
        """The place of the camera with this number."""
        return make_place(self.seed, number, self.look)

    def time(self, step: int) -> float:
        """Seconds from the middle of a pass to one of its crops."""
        return min(STEP, PASS / max(1, self.steps - 1)) * (step - (self.steps - 1) / 2)

    def people(self, person: int, camera: int, step: int) -> list[Somebody]:
        """Everybody at one crop of a pass, the person whose pass it is first."""
        passing, time = self.passing(person, camera), self.time(step)
        ways = [(person, passing.walk), *passing.company]
        return [(self.person(number), way.at(time, self.person(number))) for number, way in ways]

    def crop(self, person: int, camera: int, step: int, *, badly_cut: bool = False) -> tuple[Crop, Box]:
        """One crop of a person, and the box that was cut out.

        Args:
            person: number of the person in the box.
            camera: number of the camera, from 1.
            step: which crop of the pass, from 0.
            badly_cut: whether the box misses about half of the person.
        """
        place, people = self.place(camera), self.people(person, camera, step)
        name = "bad crop" if badly_cut else "crop"
        generator = keyed_generator(self.seed, name, person, camera, step)
        box = detect(outline(place, people[0]), generator, self.look)
        if badly_cut:
            aside = box.width * 0.5 * float(generator.choice([-1, 1]))
            box = box._replace(x=box.x + aside, y=box.y + box.height * float(generator.uniform(-0.35, 0.35)))
        return take_crop(place, people, box, self.size, generator), box

    def empty_crop(self, number: int, camera: int) -> tuple[Crop, Box]:
        """A box around nobody, as a detector draws now and then."""
        place = self.place(camera)
        generator = keyed_generator(self.seed, "empty", number, camera)
        height = float(generator.uniform(120, 300))
        width = height * self.size[1] / self.size[0]
        corner = generator.uniform((0, 0.15 * HEIGHT), (WIDTH - width, HEIGHT - 0.8 * height))
        box = Box(float(corner[0]), float(corner[1]), width, height)
        return take_crop(place, [], box, self.size, generator, target=None), box

    def _make_pass(self, person: int, camera: int) -> Pass:
        """The first of a few ways that stay in the picture and that furniture does not hide for the most part."""
        place, generator = self.place(camera), keyed_generator(self.seed, "pass", person, camera)
        who = self.person(person)
        times = [self.time(step) for step in range(self.steps)]
        best, least = None, np.inf
        for _ in range(16):
            x, z = spot(place, generator)
            turned = np.pi if generator.random() < 0.25 else 0.0
            walk = draw_walk(x, z, place.camera.direction + turned, generator)
            hidden = max(occluded_by_furniture(place, (who, walk.at(time, who))) for time in times)
            if hidden < least:
                best, least = walk, hidden
            if least < 0.3:
                break
        if best is None:
            raise AssertionError("every way has a hidden share")
        return Pass(best, self._company(best, who, generator))

    def _company(self, walk: Walk, who: Person, generator: np.random.Generator) -> tuple[tuple[int, Walk], ...]:
        """Strangers near a person; nobody walks through anybody."""
        company: list[tuple[int, Walk]] = []
        wanted = int(generator.poisson(self.crowd))
        for _ in range(4 * wanted):
            number = STRANGERS + int(generator.integers(_POOL))
            way = _near(walk, who, generator)
            others = [walk, *(other for _, other in company)]
            times = [self.time(step) for step in range(self.steps)]
            stranger = self.person(number)
            apart = min(
                np.hypot(a.x - b.x, a.z - b.z)
                for time in times
                for b in [way.at(time, stranger)]
                for a in (other.at(time, who) for other in others)
            )
            if apart > 0.42 and all(number != taken for taken, _ in company):
                company.append((number, way))
            if len(company) == wanted:
                break
        return tuple(company)


def spot(place: Place, generator: np.random.Generator) -> tuple[float, float]:
    """A place on the ground, metres, where a whole person is in the picture."""
    lens = place.camera.lens
    nearest = lens.ground(WIDTH / 2, HEIGHT - 30)[1]
    z = float(generator.uniform(max(4.5, nearest + 0.4), 13.0))
    half = 0.42 * WIDTH / lens.focal * lens.project(0, z)[2]
    return float(generator.uniform(-half, half)), z


def occluded_by_furniture(place: Place, somebody: Somebody) -> float:
    """About how much of a person furniture or the edge of the picture hides, 0 to 1."""
    person, standing = somebody
    lens = place.camera.lens
    if standing.z < 2:
        return 1.0
    column, foot, depth = lens.project(standing.x, standing.z)
    _, head, _ = lens.project(standing.x, standing.z, person.height)
    half = 0.13 * (foot - head)
    rows = np.linspace(head, foot, 12).astype(np.int64)
    columns = np.linspace(column - half, column + half, 5).astype(np.int64)
    inside = (rows >= 0) & (rows < HEIGHT)
    across = (columns >= 0) & (columns < WIDTH)
    seen = place.depth[np.ix_(rows[inside], columns[across])] > depth
    return 1 - float(seen.sum()) / (rows.size * columns.size)


def _near(walk: Walk, who: Person, generator: np.random.Generator) -> Walk:
    """The way of somebody near a walk: beside it, against it, across it, or standing by."""
    time = float(generator.uniform(-0.8, 0.8))
    here = walk.at(time, who)
    kind = str(generator.choice(["beside", "against", "across", "any"], p=[0.5, 0.18, 0.14, 0.18]))
    angle = float(generator.uniform(0, 2 * np.pi))
    apart = float(generator.uniform(0.42, 1.0))
    x, z = here.x + apart * np.sin(angle), here.z - apart * np.cos(angle)
    turn = {"beside": 0.0, "against": np.pi, "across": np.pi / 2 * float(generator.choice([-1, 1])), "any": angle}[kind]
    other = draw_walk(x, z, here.heading + turn, generator)
    speed = walk.speed if kind == "beside" else other.speed
    started = Walk(other.x, other.z, other.heading, speed, other.bend, other.phase, other.gesture)
    # The place is where they are at that time, so their way begins earlier or later.
    back = started.at(-time, who)
    return Walk(back.x, back.z, back.heading, started.speed, started.bend, back.motion.phase, started.gesture)

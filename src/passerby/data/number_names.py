"""Names that are one number in two spellings, such as `1` and `01`: perhaps one camera or one person."""

from collections.abc import Iterable

from passerby.data.image_files import examples


def same_numbers(names: Iterable[str]) -> list[tuple[str, str]]:
    """Pairs of names that are the same number: the first spelling that comes up, and another one."""
    first: dict[float, str] = {}
    pairs = []
    for name in names:
        try:
            earlier = first.setdefault(float(name), name)
        except ValueError:
            continue
        if earlier != name:
            pairs.append((earlier, name))
    return pairs


def one_number_remarks(kind: str, names: Iterable[str]) -> list[str]:
    """A line about identities or cameras of different names that are the same number; none if there are none."""
    pairs = same_numbers(names)
    listed = examples(f"{first} and {other}" for first, other in pairs)
    return [f"{kind} that are the same number, but count as different: {listed}; is each pair one?"] if pairs else []

"""Packages that look installed to Python: written into a folder together with what pip would write beside them."""

from pathlib import Path


def install(folder: Path, package: str, code: str, *, version: str = "1.0") -> Path:
    """Write a package of one file, and an entry point by which passerby finds it; for a folder on the path.

    Returns:
        The package's file.
    """
    file = folder / package / "__init__.py"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(code, encoding="utf-8")
    described = folder / f"{package}-{version}.dist-info"
    described.mkdir(exist_ok=True)
    (described / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n", encoding="utf-8"
    )
    (described / "entry_points.txt").write_text(f"[passerby.plugins]\n{package} = {package}\n", encoding="utf-8")
    return file

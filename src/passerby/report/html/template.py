"""Pages from templates."""

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined


def rendered(template: str, **values: Any) -> str:
    """The HTML of a template of ours; whatever is not markup is escaped, and a missing value is an error."""
    environment = Environment(
        loader=PackageLoader("passerby.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(**values)

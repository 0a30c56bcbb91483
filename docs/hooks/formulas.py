"""MkDocs hook: formulas of docstrings as HTML with indices and signs, without a script or a font from elsewhere."""

import html
import re
from typing import Any

SIGNS = {
    **{"alpha": "α", "gamma": "γ", "epsilon": "ε", "lambda": "λ", "mu": "μ", "pi": "π", "psi": "ψ", "sigma": "σ"},
    **{"tau": "τ", "sum": "Σ", "cdot": "·", "times": "×", "ne": "≠", "neq": "≠", "le": "≤", "leq": "≤", "ge": "≥"},
    **{"geq": "≥", "in": "∈", "notin": "∉", "cup": "∪", "infty": "∞", "leftarrow": "←", "rightarrow": "→", "quad": " "},
    **{"lVert": "‖", "rVert": "‖", "lvert": "|", "rvert": "|", "ldots": "…", "dots": "…", "sqrt": "√", "odot": "⊙"},
}
NOTHING = {"left", "right", "mathrm", "text", "operatorname", "mathbf", "big", "Big", *",;! "}
NOTHING |= {f"{size}{side}" for size in ("big", "Big", "bigg", "Bigg") for side in "lr"}
_TOKEN = re.compile(r"\\([a-zA-Z]+|.)|([{}_^])|([^\\{}_^]+)")


def on_page_content(content: str, **_: Any) -> str:
    """Put formulas where docstrings have `:math:` and `.. math::`."""
    content = re.sub(
        r":math:<code>(.*?)</code>",
        lambda found: f'<span class="formula">{formula(found[1])}</span>',
        content,
        flags=re.S,
    )
    return re.sub(
        r"<p>\.\. math::(.*?)</p>", lambda found: f'<p class="formula">{formula(found[1])}</p>', content, flags=re.S
    )


def formula(latex: str) -> str:
    """The HTML of a formula in the little LaTeX that docstrings use."""
    tokens = [found.group(0) for found in _TOKEN.finditer(html.unescape(latex).strip())]
    return _sequence(tokens)


def _sequence(tokens: list[str]) -> str:
    """Everything up to the end of a group, which is taken off."""
    written = ""
    while tokens:
        token = tokens.pop(0)
        if token == "}":
            break
        written += _one(token, tokens)
    return written


def _one(token: str, tokens: list[str]) -> str:
    if token == "{":
        return _sequence(tokens)
    if token in "_^":
        name = "sub" if token == "_" else "sup"
        return f"<{name}>{_argument(tokens)}</{name}>"
    if token.startswith("\\"):
        name = token[1:]
        if name in ("frac", "tfrac", "dfrac"):
            return f"{_bracketed(_argument(tokens))} / {_bracketed(_argument(tokens))} "
        if name in NOTHING:
            return ""
        followed = bool(tokens) and tokens[0][0] in "_^("
        return SIGNS.get(name, name if len(name) == 1 or followed else f"{name} ")
    return html.escape(token.replace("&", ""))


def _argument(tokens: list[str]) -> str:
    """What follows: a group, a command, or a single sign, on the next line perhaps."""
    while tokens and not tokens[0].strip():
        tokens.pop(0)
    if tokens and tokens[0] not in "{}_^" and not tokens[0].startswith("\\"):
        text = tokens.pop(0).lstrip()
        if len(text) > 1:
            tokens.insert(0, text[1:])
        return html.escape(text[:1])
    return _one(tokens.pop(0), tokens) if tokens else ""


def _bracketed(part: str) -> str:
    return part if re.fullmatch(r"[\w.]+", part) else f"({part})"

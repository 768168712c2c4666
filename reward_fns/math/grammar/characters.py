# ruff: noqa: RUF001
"""Mathematical unicode as LaTeX."""

from __future__ import annotations

import re
import unicodedata

_SUPERSCRIPTS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿⁱ", "0123456789+-()ni", strict=True))
_SUBSCRIPTS = dict(zip("₀₁₂₃₄₅₆₇₈₉₊₋ₙ", "0123456789+-n", strict=True))
_SUPERSCRIPT_RUN = re.compile(f"[{''.join(_SUPERSCRIPTS)}]+")
_SUBSCRIPT_RUN = re.compile(f"[{''.join(_SUBSCRIPTS)}]+")
_GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "ζ": "zeta", "η": "eta", "θ": "theta",
    "κ": "kappa", "λ": "lambda", "μ": "mu", "ν": "nu", "ξ": "xi", "π": "pi", "ρ": "rho", "σ": "sigma", "τ": "tau",
    "φ": "phi", "χ": "chi", "ψ": "psi", "ω": "omega", "Γ": "Gamma", "Δ": "Delta", "Θ": "Theta", "Λ": "Lambda",
    "Σ": "Sigma", "Φ": "Phi", "Ψ": "Psi", "Ω": "Omega",
}  # fmt: skip
_CHARACTERS = {
    **{character: f"\\{name} " for character, name in _GREEK.items()},
    **dict.fromkeys("−–—‐‑‒﹣－", "-"),
    **dict.fromkeys("×✕✖⨯", "\\times "),
    **dict.fromkeys("·⋅∙•", "\\cdot "),
    **dict.fromkeys("∕⁄／", "/"),
    "÷": "\\div ", "∞": "\\infty ", "≤": "\\le ", "≥": "\\ge ", "⩽": "\\le ", "⩾": "\\ge ", "≠": "\\ne ",
    "±": "\\pm ", "∓": "\\mp ", "°": "^\\circ ", "º": "^\\circ ", "∪": "\\cup ", "∩": "\\cap ", "∈": "\\in ",
    "∅": "\\emptyset ", "ℝ": "\\mathbb{R}", "ℤ": "\\mathbb{Z}", "ℚ": "\\mathbb{Q}", "ℕ": "\\mathbb{N}",
    "ℂ": "\\mathbb{C}", "√": " sqrt ", "∛": " cbrt ", "≈": "\\approx ", "∨": "\\lor ", "∧": "\\land ",
    "∖": "\\setminus ",
    "′": "'", "’": "'", "‘": "'", "“": '"', "”": '"', "⟨": "\\langle ", "⟩": "\\rangle ", "∣": "|",
    "⌊": "\\lfloor ", "⌋": "\\rfloor ", "⌈": "\\lceil ", "⌉": "\\rceil ", "∑": "\\sum ", "∏": "\\prod ", "∫": "\\int ",
    "％": "%", "，": ",", "：": ":",
}  # fmt: skip
_FRACTION_SLASH = "⁄"


def fold_unicode(text: str) -> str:
    """Mathematical characters as LaTeX, full-width and styled ones as ASCII; invisible ones are dropped."""
    text = _SUPERSCRIPT_RUN.sub(lambda run: "^{" + "".join(_SUPERSCRIPTS[one] for one in run.group()) + "}", text)
    text = _SUBSCRIPT_RUN.sub(lambda run: "_{" + "".join(_SUBSCRIPTS[one] for one in run.group()) + "}", text)
    folded: list[str] = []
    for character in text:
        if character.isascii():
            folded.append(character)
            continue
        new = _CHARACTERS.get(character)
        if new is None:
            normal = unicodedata.normalize("NFKC", character)
            numerator, slash, denominator = normal.partition(_FRACTION_SLASH)
            if slash and denominator:
                new = f"\\frac{{{numerator}}}{{{denominator}}}"  # ½
            elif unicodedata.category(character) == "Cf":
                new = ""
            else:
                new = "".join(_CHARACTERS.get(one, one) for one in normal)
        folded.append(new)
    return "".join(folded)

"""archtool: analysis and design of neural-network architectures from one description."""

from archtool.design import Design, load
from archtool.errors import ArchtoolError, MissingExtra, RuleError, SpecError

__all__ = ["ArchtoolError", "Design", "MissingExtra", "RuleError", "SpecError", "load"]
__version__ = "0.1.0"

"""Expressions over a space of designs, evaluated with numpy wherever designs stand: scattered, or on an open grid."""

from archtool.explore.plan.plan import Plan, compile_plan

__all__ = ["Plan", "compile_plan"]

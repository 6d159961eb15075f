"""A JSON Schema of the language, generated from the layer kinds: what an editor needs to complete and check specs.

It checks the form, not the meaning: blocks, variables and shapes are checked by reading the spec.
"""

from __future__ import annotations

from typing import Any, Final

from archtool.fields import EXPRESSION, Schema
from archtool.layer import Layer, find, kinds
from archtool.spec.domains import CLAIM, EXPLORE
from archtool.spec.linting import LINT
from archtool.spec.spec import KEYS, OVERRIDES

NAME: Final[Schema] = {"type": "string", "pattern": "^[A-Za-z_]\\w*$"}
TEXT: Final[Schema] = {"type": ["string", "number"]}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def json_schema() -> Schema:
    """The schema of a spec (JSON Schema 2020-12)."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "archtool spec, version 1",
        "type": "object",
        "properties": {key: _TOP[key] for key in KEYS},
        "anyOf": [{"required": ["layers"]}, {"required": ["designs"]}],
        "oneOf": [{"required": ["input"]}, {"required": ["inputs"]}],
        "additionalProperties": False,
        "$defs": {**_DEFINITIONS, "step": _step(), **{kind: _kind(find(kind)) for kind in sorted(kinds())}},
    }


def _kind(cls: type[Layer]) -> Schema:
    """The fields of a layer kind, or the paths of a join."""
    described = {"description": " ".join((cls.__doc__ or "").split())}
    if cls.is_join:
        return {**described, "type": ["object", "null"], "additionalProperties": _ref("path")}
    properties = {name: _field(kind.schema()) for name, kind in cls.field_kinds().items()}
    fields = {**described, "properties": properties, "additionalProperties": False}
    if cls.required():
        return {**fields, "type": "object", "required": list(cls.required())}
    return {**fields, "type": ["object", "null"]}


def _field(schema: Schema) -> Schema:
    """A field's schema; a word may also be an expression or a variable."""
    return {"anyOf": [schema, EXPRESSION]} if "enum" in schema else schema


def _step() -> Schema:
    beside = {
        "name": NAME,
        "at": {"anyOf": [TEXT, {"type": "array", "items": TEXT}]},
        "repeat": {"anyOf": [{"type": "integer", "minimum": 0}, EXPRESSION]},
        "first": {"type": "object", "additionalProperties": _ref("value")},
        "shares": NAME,
    }
    steps = _ref("steps")
    loop = {
        "type": "object",
        "properties": {
            "for": {"anyOf": [NAME, {"type": "array", "items": NAME}]},
            "in": _ref("value"),
            "do": steps,
            "name": NAME,
        },
        "required": ["for", "in", "do"],
        "additionalProperties": False,
    }
    branch = {
        "type": "object",
        "properties": {"if": _ref("value"), "then": steps, "else": steps},
        "required": ["if", "then"],
        "additionalProperties": False,
    }
    group = {
        "type": "object",
        "properties": {"do": steps, **{word: beside[word] for word in ("name", "at", "repeat", "shares")}},
        "required": ["do"],
        "additionalProperties": False,
    }
    call = {
        "type": "object",
        "properties": {**{kind: _ref(kind) for kind in sorted(kinds())}, **beside},
        "not": {"anyOf": [{"required": [word]} for word in ("for", "if", "do")]},
        "dependentRequired": {"first": ["repeat"]},
        "additionalProperties": {
            "description": "a block, an included spec or a variable that holds a step, with its arguments",
            "type": ["object", "null"],
            "additionalProperties": _ref("value"),
        },
    }
    word = {"type": "string", "description": "a layer kind, a block or a variable", "examples": sorted(kinds())}
    return {"anyOf": [word, loop, branch, group, call]}


_DEFINITIONS: Final[Schema] = {
    "steps": {"type": "array", "items": _ref("step")},
    "value": {
        "description": "a number, truth value, list, expression or step",
        "anyOf": [
            {"type": ["number", "boolean", "string"]},
            {"type": "array", "items": _ref("value")},
            {"type": "object", "minProperties": 1, "maxProperties": 1},
        ],
    },
    "path": {
        "anyOf": [
            _ref("steps"),
            {
                "type": "object",
                "properties": {"when": _ref("value"), "do": _ref("steps")},
                "required": ["when", "do"],
                "additionalProperties": False,
            },
            {
                "type": "object",
                "properties": {"each": NAME, "in": _ref("value"), "do": _ref("steps")},
                "required": ["each", "in", "do"],
                "additionalProperties": False,
            },
        ]
    },
    "input": {
        "anyOf": [
            {"type": "array", "items": _ref("value"), "minItems": 1, "maxItems": 4},
            {
                "type": "object",
                "properties": {"tokens": _ref("value"), "channels": _ref("value")},
                "required": ["tokens", "channels"],
                "additionalProperties": False,
            },
        ]
    },
    "block": {
        "type": "object",
        "properties": {
            "args": {"type": ["object", "null"], "additionalProperties": _ref("value")},
            "body": _ref("steps"),
            "outputs": {"type": "array", "items": NAME},
        },
        "required": ["body"],
        "additionalProperties": False,
    },
    "domain": {"anyOf": [TEXT, {"type": "array", "items": _ref("value")}]},
    "expect": {
        "type": "object",
        "additionalProperties": {
            "anyOf": [
                _ref("value"),
                {"type": "object", "properties": {"value": _ref("value"), "rel": _ref("value")}, "required": ["value"]},
            ]
        },
    },
}


def _mapping(values: Schema) -> Schema:
    return {"type": ["object", "null"], "additionalProperties": values}


_TOP: Final[dict[str, Any]] = {
    "archtool": {"const": 1, "description": "the version of the language"},
    "name": TEXT,
    "about": TEXT,
    "source": TEXT,
    "functional": {"type": "array", "items": NAME},
    "input": _ref("input"),
    "inputs": _mapping(_ref("input")),
    "vars": _mapping(_ref("value")),
    "include": _mapping(TEXT),
    "blocks": _mapping(_ref("block")),
    "layers": _ref("steps"),
    "outputs": {"type": "array", "items": NAME},
    "designs": {},
    "expect": _ref("expect"),
    "given": _mapping(_ref("domain")),
    "claims": {
        "type": "array",
        "items": {
            "anyOf": [
                TEXT,
                {
                    "type": "object",
                    "properties": dict.fromkeys(CLAIM, TEXT),
                    "required": ["that"],
                    "additionalProperties": False,
                },
            ]
        },
    },
    "explore": {
        "type": "object",
        "properties": {name: {} for name in EXPLORE},
        "required": ["over"],
        "additionalProperties": False,
    },
    "lint": {
        "type": "object",
        "properties": {name: {"type": "array", "items": TEXT} for name in LINT},
        "additionalProperties": False,
    },
}
_TOP["designs"] = _mapping(
    {
        "anyOf": [
            _ref("steps"),
            {"type": "object", "properties": {key: _TOP[key] for key in OVERRIDES}, "additionalProperties": False},
        ]
    }
)

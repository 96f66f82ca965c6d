"""The formats of the tools that import our exports, as JSON schemas: what those tools check, written down by us.

Sources: Label Studio: labelstud.io/guide/predictions and /guide/task_format; in label-studio-sdk 2.1.2
``label_interface/interface.py`` (``_validate_region_logic``), ``control_tags.py`` (``ParagraphLabelsValue``,
``ChoicesValue``). Argilla: in argilla 2.8.0 ``records/_resource.py`` (``Record.from_dict``), ``settings/_resource.py``
(``Settings._from_dict``), ``_models/_settings/``; in argilla-server ``api/schemas/v1/questions.py``, ``suggestions.py``
and ``chat.py``.
"""

from __future__ import annotations

SCORE = {"type": "number", "minimum": 0, "maximum": 1}
NUMBER_AS_TEXT = {"type": "string", "pattern": "^[0-9]+$"}

_VALUE = {
    "type": "object",
    "properties": {
        "start": NUMBER_AS_TEXT,
        "end": NUMBER_AS_TEXT,
        "startOffset": {"type": "integer", "minimum": 0},
        "endOffset": {"type": "integer", "minimum": 0},
        "text": {"type": "string"},
        "paragraphlabels": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 1},
        "choices": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 1},
    },
    "required": ["start", "end", "startOffset", "endOffset", "text"],
    "oneOf": [{"required": ["paragraphlabels"]}, {"required": ["choices"]}],
    "additionalProperties": False,
}

LABEL_STUDIO_TASKS = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            "data": {
                "type": "object",
                "properties": {
                    "dialogue": {
                        "type": "array",
                        "minItems": 1,
                        "items": {
                            "type": "object",
                            "properties": {
                                "author": {"type": "string", "minLength": 1},
                                "text": {"type": "string", "minLength": 1},
                            },
                            "required": ["author", "text"],
                        },
                    }
                },
                "required": ["dialogue"],
            },
            "predictions": {
                "type": "array",
                "minItems": 1,
                "maxItems": 1,
                "items": {
                    "type": "object",
                    "properties": {
                        "model_version": {"type": "string"},
                        "score": SCORE,
                        "result": {
                            "type": "array",
                            "items": {
                                "type": "object",
                                "properties": {
                                    "id": {"type": "string", "minLength": 1},
                                    "from_name": {"enum": ["goal", "turn", "slot", "success", "intent", "defect"]},
                                    "to_name": {"const": "dialogue"},
                                    "type": {"enum": ["paragraphlabels", "choices"]},
                                    "score": SCORE,
                                    "value": _VALUE,
                                },
                                "required": ["id", "from_name", "to_name", "type", "value"],
                                "additionalProperties": False,
                            },
                        },
                    },
                    "required": ["model_version", "score", "result"],
                    "additionalProperties": False,
                },
            },
        },
        "required": ["data", "predictions"],
        "additionalProperties": False,
    },
}

_MESSAGE = {
    "type": "object",
    "properties": {
        "role": {"type": "string", "minLength": 1, "maxLength": 20},
        "content": {"type": "string", "minLength": 1, "maxLength": 20_000},
    },
    "required": ["role", "content"],
    "additionalProperties": False,
}
_SPAN = {
    "type": "object",
    "properties": {
        "start": {"type": "integer", "minimum": 0},
        "end": {"type": "integer", "minimum": 1},
        "label": {"type": "string", "minLength": 1},
    },
    "required": ["start", "end", "label"],
    "additionalProperties": False,
}
_SUGGESTION = {
    "type": "object",
    "properties": {
        "value": {"anyOf": [{"type": "string", "minLength": 1}, {"type": "array", "items": _SPAN}]},
        "score": {"anyOf": [{"type": "null"}, SCORE, {"type": "array", "items": SCORE, "minItems": 1}]},
        "agent": {"type": "string", "pattern": r"^(?=.*[a-zA-Z0-9])[a-zA-Z0-9\-_:./\s]+$", "maxLength": 200},
    },
    "required": ["value", "score", "agent"],
    "additionalProperties": False,
}

ARGILLA_RECORDS = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            "id": {"type": "string", "minLength": 1},
            "fields": {
                "type": "object",
                "properties": {
                    "request": {"type": "string", "minLength": 1},
                    "response": {"type": "string", "minLength": 1},
                    "dialogue": {"type": "array", "items": _MESSAGE, "minItems": 1},
                },
                "required": ["dialogue"],
                "additionalProperties": False,
            },
            "metadata": {"type": "object"},
            "suggestions": {
                "type": "object",
                "propertyNames": {"enum": ["boundary", "success", "intent", "slots", "defect"]},
                "additionalProperties": _SUGGESTION,
            },
            "responses": {"type": "object", "maxProperties": 0},
            "vectors": {"type": "object", "maxProperties": 0},
            "status": {"const": "pending"},
        },
        "required": ["id", "fields", "metadata", "suggestions", "responses", "vectors", "status"],
        "additionalProperties": False,
    },
}

_OPTIONS = {
    "type": "array",
    "uniqueItems": True,
    "items": {
        "type": "object",
        "properties": {
            "value": {"type": "string", "minLength": 1, "maxLength": 200},
            "text": {"type": "string", "minLength": 1, "maxLength": 500},
            "description": {"type": "null"},
        },
        "required": ["value", "text"],
        "additionalProperties": False,
    },
}
_QUESTION_SETTINGS = {
    "oneOf": [
        {
            "properties": {"type": {"const": "label_selection"}, "options": {**_OPTIONS, "minItems": 2}},
            "required": ["type", "options"],
            "additionalProperties": False,
        },
        {
            "properties": {
                "type": {"const": "span"},
                "field": {"const": "request"},
                "allow_overlapping": {"type": "boolean"},
                "options": {**_OPTIONS, "minItems": 1},
            },
            "required": ["type", "field", "options"],
            "additionalProperties": False,
        },
    ]
}
_NAMED = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "pattern": "^(?=.*[a-z0-9])[a-z0-9_-]+$"},
        "title": {"type": "string", "minLength": 1, "maxLength": 500},
        "settings": {"type": "object"},
    },
    "required": ["name", "settings"],
}
_REQUIRED = {"contains": {"type": "object", "properties": {"required": {"const": True}}, "required": ["required"]}}

ARGILLA_SETTINGS = {
    "type": "object",
    "properties": {
        "fields": {"type": "array", "items": _NAMED, **_REQUIRED},
        "questions": {
            "type": "array",
            "items": {**_NAMED, "properties": {**_NAMED["properties"], "settings": _QUESTION_SETTINGS}},
            **_REQUIRED,
        },
        "metadata": {"type": "array", "items": _NAMED},
        "vectors": {"type": "array", "maxItems": 0},
        "allow_extra_metadata": {"type": "boolean"},
        "distribution": {
            "type": "object",
            "properties": {"strategy": {"const": "overlap"}, "min_submitted": {"type": "integer", "minimum": 1}},
            "required": ["strategy", "min_submitted"],
        },
    },
    "required": ["fields", "questions", "metadata", "vectors", "allow_extra_metadata", "distribution"],
}

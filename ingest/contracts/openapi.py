"""OpenAPI 3, flattened: endpoints, parameters, bodies and responses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from ingest.contracts.elements import (
    ContractError,
    Field,
    Flat,
    json_text,
    mapping_of,
    sequence_of,
    text_digest,
)
from ingest.contracts.json_schema import Place, Schemas

_METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch", "trace", "query")
_TEMPLATE = re.compile(r"\{[^{}/]*\}")


def flatten_openapi(document: object) -> Flat:
    """Flatten an OpenAPI 3 description."""
    if not isinstance(document, Mapping):
        raise ContractError("an OpenAPI description must be an object")
    if "swagger" in document:
        raise ContractError(f"Swagger {document['swagger']} is not supported, only OpenAPI 3")
    version = document.get("openapi")
    if not str(version or "").startswith("3."):
        raise ContractError(f"openapi is {version!r}, not 3.x" if version else "it has no `openapi` field")
    if not isinstance(document.get("paths"), Mapping) and not isinstance(document.get("webhooks"), Mapping):
        raise ContractError("it has no paths")
    return _OpenApi(document).flat()


class _OpenApi(Schemas):
    """Flattens one OpenAPI description."""

    def flat(self) -> Flat:
        document = mapping_of(self.document)
        info = mapping_of(document.get("info"))
        label = info.get("version")
        self.emit(Field("", None, "api", "response", name=json_text(info.get("title") or ""),
                        value=None if label is None else str(label),
                        description_hash=text_digest(info.get("title"), info.get("description"))))  # fmt: skip
        for server in sequence_of(document.get("servers")):
            url = mapping_of(server).get("url")
            if isinstance(url, str):
                self.emit(Field(f"server {url}", None, "server", "request", name=url))
        for template, item in mapping_of(document.get("paths")).items():
            resolved, _ = self.resolved(item)
            for method in _METHODS:
                if isinstance(resolved.get(method), Mapping):
                    self.operation(str(template), method.upper(), resolved[method], resolved)
        for name, item in mapping_of(document.get("webhooks")).items():
            resolved, _ = self.resolved(item)
            for method in _METHODS:
                if isinstance(resolved.get(method), Mapping):
                    self.webhook(str(name), method.upper(), resolved[method])
        return Flat(tuple(self.fields), None if label is None else str(label))

    def operation(
        self, template: str, method: str, operation: Mapping[str, Any], item: Mapping[str, Any]
    ) -> None:
        path = f"{method} {_TEMPLATE.sub('{}', template)}"
        operation_id = operation.get("operationId")
        self.emit(
            Field(path, None, "endpoint", "request", name=template, endpoint=template, method=method,
                  is_deprecated=operation.get("deprecated") is True,
                  value=str(operation_id) if operation_id else None,
                  description_hash=text_digest(operation.get("summary"), operation.get("description")))
        )  # fmt: skip
        here = Place(path, path, "parameter", None, "request", endpoint=template, method=method)
        for tag in sequence_of(operation.get("tags")):
            self.emit(Field(f"{path} tag:{tag}", path, "tag", "request", name=str(tag), endpoint=template,
                            method=method))  # fmt: skip
        self.security(path, operation, here)
        for parameter in self.parameters(operation, item):
            self.parameter(template, parameter, here)
        body, _ = self.resolved(operation.get("requestBody"))
        if body:
            self.body(f"{path} > body", body, here)
        for status, response in mapping_of(operation.get("responses")).items():
            resolved, _ = self.resolved(response)
            self.response(f"{path} < {status}", str(status), resolved, here)

    def webhook(self, name: str, method: str, operation: Mapping[str, Any]) -> None:
        """A call by the other side: we receive its body."""
        path = f"WEBHOOK {method} {name}"
        self.emit(
            Field(
                path,
                None,
                "endpoint",
                "response",
                name=name,
                endpoint=name,
                method=method,
                description_hash=text_digest(operation.get("summary"), operation.get("description")),
            )
        )
        body, _ = self.resolved(operation.get("requestBody"))
        here = Place(path, path, "parameter", None, "response", endpoint=name, method=method)
        self.media(f"{path} > body", path, body.get("content"), here)

    def parameters(self, operation: Mapping[str, Any], item: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """The parameters of an operation; its own override those of the path."""
        found: dict[tuple[object, object], Mapping[str, Any]] = {}
        for given in (*sequence_of(item.get("parameters")), *sequence_of(operation.get("parameters"))):
            resolved, _ = self.resolved(given)
            if isinstance(resolved.get("name"), str):
                found[resolved.get("in"), resolved["name"]] = resolved
        return list(found.values())

    def parameter(self, template: str, parameter: Mapping[str, Any], here: Place) -> None:
        place = str(parameter.get("in") or "query")
        name = str(parameter["name"])
        shown = name.lower() if place == "header" else name
        if place == "path":  # the name is only a label; the position counts
            order = [part[1:-1] for part in _TEMPLATE.findall(template)]
            shown = str(order.index(name)) if name in order else name
        schema = parameter.get("schema")
        if schema is None:
            contents = mapping_of(parameter.get("content")).values()
            schema = next((mapping_of(one).get("schema") for one in contents), None)
        self.walk(
            schema if schema is not None else {},
            replace(here, path=f"{here.path} > {place}:{shown}", kind="parameter", name=name,
                          is_required=parameter.get("required") is True or place == "path",
                          is_deprecated=parameter.get("deprecated") is True,
                          description=parameter.get("description")),
        )  # fmt: skip

    def body(self, path: str, body: Mapping[str, Any], here: Place) -> None:
        self.emit(Field(path, here.path, "request_body", "request", name="body", endpoint=here.endpoint,
                        method=here.method, is_required=body.get("required") is True,
                        description_hash=text_digest(body.get("description"))))  # fmt: skip
        self.media(path, path, body.get("content"), here)

    def media(self, path: str, parent: str, content: object, here: Place) -> None:
        for media_type, described in mapping_of(content).items():
            inner = f"{path} {media_type}"
            self.emit(Field(inner, parent, "media_type", here.direction, name=str(media_type),
                            endpoint=here.endpoint, method=here.method))  # fmt: skip
            schema = mapping_of(described).get("schema")
            if schema is not None:
                self.walk(schema, replace(here, path=f"{inner} $", parent=inner, kind="property", name="$",
                                                is_required=True))  # fmt: skip

    def response(self, path: str, status: str, response: Mapping[str, Any], here: Place) -> None:
        outward = replace(here, direction="response")
        self.emit(
            Field(
                path,
                here.path,
                "response",
                "response",
                name=status,
                endpoint=here.endpoint,
                method=here.method,
                description_hash=text_digest(response.get("description")),
            )
        )
        for name, header in mapping_of(response.get("headers")).items():
            resolved, _ = self.resolved(header)
            self.walk(
                resolved.get("schema", {}),
                replace(outward, path=f"{path} header:{str(name).lower()}", parent=path, kind="header",
                              name=str(name), is_required=resolved.get("required") is True,
                              is_deprecated=resolved.get("deprecated") is True,
                              description=resolved.get("description")),
            )  # fmt: skip
        self.media(path, path, response.get("content"), outward)

    def security(self, path: str, operation: Mapping[str, Any], here: Place) -> None:
        """Requirements are alternatives; within one, all scopes are required. An empty one is an alternative too."""
        given = operation.get("security", mapping_of(self.document).get("security"))
        wanted = [mapping_of(one) for one in sequence_of(given)] or [{}]
        for requirement in wanted:
            name = " and ".join(sorted(str(scheme) for scheme in requirement)) or "none"
            inner = f"{path} security:{name}"
            self.emit(Field(inner, path, "security", "request", name=name, endpoint=here.endpoint,
                            method=here.method))  # fmt: skip
            for scheme, scopes in requirement.items():
                for scope in sequence_of(scopes):
                    self.emit(Field(f"{inner} {scheme}:{scope}", inner, "security_scope", "request",
                                    name=str(scope), endpoint=here.endpoint, method=here.method))  # fmt: skip

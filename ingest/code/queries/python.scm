(function_definition) @def.function
(class_definition) @def.class
(lambda) @scope.function
(assignment left: (identifier) @def.variable)
(assignment left: (pattern_list (identifier) @def.variable))
(assignment left: (tuple_pattern (identifier) @def.variable))
(type_alias_statement left: (type (identifier) @def.type))
(import_statement name: (dotted_name) @import.whole)
(import_statement name: (aliased_import name: (dotted_name) @import.whole))
(import_from_statement module_name: (_) @import.module)
(import_from_statement name: (dotted_name) @import)
(import_from_statement name: (aliased_import name: (dotted_name) @import))
(aliased_import alias: (identifier) @alias)
(call function: (identifier) @call)
(call function: (attribute attribute: (identifier) @call))
(decorator (identifier) @usage)
(decorator (attribute attribute: (identifier) @usage))
(class_definition superclasses: (argument_list (identifier) @usage))
(class_definition superclasses: (argument_list (attribute attribute: (identifier) @usage)))
(type (identifier) @usage)
(decorator (call function: (attribute attribute: (identifier) @_verb)
    arguments: (argument_list . (string (string_content) @def.endpoint)))
    (#any-of? @_verb "get" "post" "put" "patch" "delete" "route" "websocket") (#match? @def.endpoint "^/"))
(identifier) @id

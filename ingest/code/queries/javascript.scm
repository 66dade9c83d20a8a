(function_declaration) @def.function
(generator_function_declaration) @def.function
(variable_declarator name: (identifier) value: [(arrow_function) (function_expression) (generator_function)])
    @def.function
(assignment_expression left: (member_expression) right: [(arrow_function) (function_expression)]) @def.function
(pair key: (property_identifier) value: [(arrow_function) (function_expression)]) @def.function
(class_declaration) @def.class
(variable_declarator name: (identifier) value: (class)) @def.class
(method_definition) @def.method
[(arrow_function) (function_expression) (generator_function)] @scope.function
(variable_declarator name: (identifier)) @def.variable
(import_specifier name: (identifier) @import)
(import_specifier alias: (identifier) @alias)
(import_clause (identifier) @import)
(namespace_import (identifier) @import)
(import_statement source: (string (string_fragment) @import.module))
(export_statement source: (string (string_fragment) @import.module))
(call_expression function: (identifier) @_require arguments: (arguments . (string (string_fragment) @import.module))
    (#eq? @_require "require"))
(call_expression function: (identifier) @call)
(call_expression function: (member_expression property: (property_identifier) @call))
(new_expression constructor: (identifier) @call)
(new_expression constructor: (member_expression property: (property_identifier) @call))
(call_expression function: (member_expression property: (property_identifier) @_verb)
    arguments: (arguments . (string (string_fragment) @def.endpoint) . (_))
    (#any-of? @_verb "get" "post" "put" "patch" "delete") (#match? @def.endpoint "^/"))
(identifier) @id
(shorthand_property_identifier) @id

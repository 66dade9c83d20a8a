(function_declaration) @def.function
(method_declaration) @def.method
(func_literal) @scope.function
(type_spec type: (struct_type)) @def.class
(type_spec type: (interface_type)) @def.interface
(type_spec) @def.type
(type_alias) @def.type
(var_spec name: (identifier) @def.variable)
(const_spec name: (identifier) @def.variable)
(import_spec path: (interpreted_string_literal) @import.module)
(import_spec name: (package_identifier) @alias)
(call_expression function: (identifier) @call)
(call_expression function: (selector_expression field: (field_identifier) @call))
(type_identifier) @usage
(identifier) @id

(function_definition) @def.function
(struct_specifier name: (_) body: (_)) @def.class
(union_specifier name: (_) body: (_)) @def.class
(enum_specifier name: (_) body: (_)) @def.enum
(type_definition) @def.type
(preproc_def) @def.macro
(preproc_function_def) @def.macro
(translation_unit (declaration declarator: (init_declarator declarator: (identifier) @def.variable)))
(preproc_include path: (_) @import.module)
(call_expression function: (identifier) @call)
(call_expression function: (field_expression field: (field_identifier) @call))
(type_identifier) @usage
(identifier) @id

(function_item) @def.function
(function_signature_item) @def.function
(struct_item) @def.class
(union_item) @def.class
(enum_item) @def.enum
(trait_item) @def.interface
(type_item) @def.type
(mod_item body: (_)) @def.module
(macro_definition) @def.macro
(const_item) @def.variable
(static_item) @def.variable
(impl_item) @scope.class
(closure_expression) @scope.function
(use_declaration argument: (identifier) @import)
(use_declaration argument: (scoped_identifier name: (identifier) @import))
(use_list (identifier) @import)
(use_list (scoped_identifier name: (identifier) @import))
(use_as_clause path: (identifier) @import)
(use_as_clause path: (scoped_identifier name: (identifier) @import))
(use_as_clause alias: (identifier) @alias)
(extern_crate_declaration name: (identifier) @import.whole)
(call_expression function: (identifier) @call)
(call_expression function: (field_expression field: (field_identifier) @call))
(call_expression function: (scoped_identifier name: (identifier) @call))
(call_expression function: (generic_function function: (identifier) @call))
(call_expression function: (generic_function function: (scoped_identifier name: (identifier) @call)))
(macro_invocation macro: (identifier) @call)
(type_identifier) @usage
(identifier) @id

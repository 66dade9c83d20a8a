(abstract_class_declaration) @def.class
(interface_declaration) @def.interface
(type_alias_declaration) @def.type
(enum_declaration) @def.enum
(internal_module) @def.module
(method_signature) @def.method
(abstract_method_signature) @def.method
(public_field_definition name: (property_identifier) value: [(arrow_function) (function_expression)]) @def.method
(extends_clause value: (identifier) @usage)
(type_identifier) @usage

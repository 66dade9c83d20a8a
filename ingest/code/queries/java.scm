(class_declaration) @def.class
(record_declaration) @def.class
(interface_declaration) @def.interface
(annotation_type_declaration) @def.interface
(enum_declaration) @def.enum
(method_declaration) @def.method
(constructor_declaration) @def.method
(lambda_expression) @scope.function
(field_declaration declarator: (variable_declarator) @def.variable)
(constant_declaration declarator: (variable_declarator) @def.variable)
(import_declaration (scoped_identifier name: (identifier) @import))
(import_declaration (identifier) @import)
(method_invocation name: (identifier) @call)
(object_creation_expression type: (type_identifier) @call)
(annotation name: (identifier) @usage)
(marker_annotation name: (identifier) @usage)
(type_identifier) @usage
(identifier) @id

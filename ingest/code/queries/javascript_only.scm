(field_definition property: (property_identifier) value: [(arrow_function) (function_expression)]) @def.method
(class_heritage (identifier) @usage)

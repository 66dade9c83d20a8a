(class_specifier name: (_) body: (_)) @def.class
(namespace_definition name: (_)) @def.module
(alias_declaration) @def.type
(lambda_expression) @scope.function
(declaration_list (declaration declarator: (init_declarator declarator: (identifier) @def.variable)))
(call_expression function: (qualified_identifier name: (identifier) @call))
(call_expression function: (template_function name: (identifier) @call))
(base_class_clause (type_identifier) @usage)

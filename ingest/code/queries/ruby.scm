(method) @def.function
(singleton_method) @def.method
(class) @def.class
(module) @def.module
(assignment left: (constant) @def.variable)
(call method: (identifier) @_require arguments: (argument_list . (string (string_content) @import.module))
    (#any-of? @_require "require" "require_relative" "load"))
(call method: (identifier) @call)
(call receiver: (constant) @usage)
(constant) @usage
(identifier) @id

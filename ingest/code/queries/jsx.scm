((jsx_opening_element name: (identifier) @usage) (#match? @usage "^[A-Z]"))
((jsx_self_closing_element name: (identifier) @usage) (#match? @usage "^[A-Z]"))

{#
    The key of a landed line, or of one of the objects glued together on it: an integer with the same order as
    file_id, line_number, part_number. The last 10 digits are the part, the 15 before them the line, up to 14
    before those the file: more lines than any log has, and more files than a store has.
#}
{% macro line_id(relation='') -%}
    {%- set prefix = relation ~ '.' if relation else '' -%}
    (cast({{ prefix }}file_id as hugeint) * 1000000000000000 + {{ prefix }}line_number) * 10000000000
    + {{ prefix }}part_number
{%- endmacro %}

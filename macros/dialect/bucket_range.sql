{# The numbers of the buckets of a given width in tokens that an interval of positions touches, as a list. #}
{% macro bucket_range(first, last, width) -%}
    range({{ first }} // {{ width }}, ({{ last }} - 1) // {{ width }} + 1)
{%- endmacro %}

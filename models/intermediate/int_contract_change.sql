-- depends_on: {{ ref('change_rules') }}
{{ config(materialized='table') }}

{#
    Compares contracts in SQL: each version with the previous one, element by element. An addition or removal
    is named by its topmost element; for a remaining element, each differing attribute is a separate change.
    The seed change_rules classifies the changes.
#}
{%- set lower_bounds
    = "('minimum', 'exclusiveMinimum', 'minLength', 'minItems', 'minProperties', 'minContains')" -%}
{%- set upper_bounds
    = "('maximum', 'exclusiveMaximum', 'maxLength', 'maxItems', 'maxProperties', 'maxContains')" -%}

with versions as (
    select
        *,
        lag(content_hash) over version_order as old_hash,
        coalesce(version_label, left(git_commit, 10)) as new_label,
        lag(coalesce(version_label, left(git_commit, 10))) over version_order as old_label,
        lag(field_count) over version_order as old_field_count
    from {{ ref('stg_contracts__version') }}
    where set_aside_reason is null
    window version_order as (
        partition by contract_name
        order by case when origin = 'transcript' then released_at end nulls first, version_order, content_hash
    )
),

pairs as (
    select
        {{ surrogate_key(['contract_name', 'version_order', 'content_hash', 'released_at']) }} as pair_id,
        *
    from versions
    where
        old_hash is not null and old_hash <> content_hash
        -- Within one client version the offered tools differ by settings: that is not a contract change.
        and (origin <> 'transcript' or coalesce(new_label <> old_label, true))
),

old_fields as (
    select pairs.pair_id, fields.*
    from pairs
    inner join {{ ref('stg_contracts__field') }} as fields on fields.content_hash = pairs.old_hash
),

new_fields as (
    select pairs.pair_id, fields.*
    from pairs
    inner join {{ ref('stg_contracts__field') }} as fields on fields.content_hash = pairs.content_hash
),

matched as (
    select
        coalesce(new_fields.pair_id, old_fields.pair_id) as pair_id,
        coalesce(new_fields.element_path, old_fields.element_path) as element_path,
        coalesce(new_fields.parent_path, old_fields.parent_path) as parent_path,
        coalesce(new_fields.element_kind, old_fields.element_kind) as element_kind,
        coalesce(new_fields.direction, old_fields.direction) as direction,
        coalesce(new_fields.endpoint, old_fields.endpoint) as endpoint,
        coalesce(new_fields.method, old_fields.method) as method,
        coalesce(new_fields.element_name, old_fields.element_name) as element_name,
        old_fields.element_path is not null as was_there,
        new_fields.element_path is not null as is_there,
        coalesce(new_fields.is_required, old_fields.is_required) as is_required,
        case coalesce(new_fields.direction, old_fields.direction)
            when 'request'
                then coalesce(new_fields.is_read_only, true) and coalesce(old_fields.is_read_only, true)
            when 'response'
                then coalesce(new_fields.is_write_only, true) and coalesce(old_fields.is_write_only, true)
            else false
        end as is_inert,
        {%- for column in ['data_type', 'data_format', 'is_required', 'is_nullable', 'is_deprecated',
            'is_read_only', 'is_write_only', 'default_value', 'value_text', 'value_number',
            'description_hash'] %}
        old_fields.{{ column }} as old_{{ column }},
        new_fields.{{ column }} as new_{{ column }}{{ ',' if not loop.last }}
    {%- endfor %}
    from old_fields
    full outer join
        new_fields on new_fields.pair_id = old_fields.pair_id
    and new_fields.element_path = old_fields.element_path
),

came_or_went as (
    select
        changed.*,
        case when changed.is_there then 'added' else 'removed' end as change
    from matched as changed
    left join matched as parents
        on parents.pair_id = changed.pair_id and parents.element_path = changed.parent_path
    where changed.was_there <> changed.is_there and coalesce(parents.was_there and parents.is_there, true)
),

stayed as (
    select *
    from matched
    where was_there and is_there
),

type_changes as (
    select
        stayed.*,
        case
            when
                {{ names_within('stayed.old_data_type', 'stayed.new_data_type') }}
                or stayed.new_data_type = 'any'
                or wider.wide_type is not null then 'type_widened'
            when
                {{ names_within('stayed.new_data_type', 'stayed.old_data_type') }}
                or stayed.old_data_type = 'any'
                or narrower.wide_type is not null then 'type_narrowed'
            else 'type_changed'
        end as change
    from stayed
    left join {{ ref('type_widenings') }} as wider
        on wider.narrow_type = stayed.old_data_type and wider.wide_type = stayed.new_data_type
    left join {{ ref('type_widenings') }} as narrower
        on narrower.narrow_type = stayed.new_data_type and narrower.wide_type = stayed.old_data_type
    where stayed.old_data_type <> stayed.new_data_type
),

format_changes as (
    select
        stayed.*,
        case
            when stayed.old_data_format is null then 'format_set'
            when stayed.new_data_format is null then 'format_removed'
            when wider.wide_type is not null then 'format_widened'
            when narrower.wide_type is not null then 'format_narrowed'
            else 'format_changed'
        end as change
    from stayed
    left join {{ ref('type_widenings') }} as wider
        on wider.narrow_type = stayed.old_data_format and wider.wide_type = stayed.new_data_format
    left join {{ ref('type_widenings') }} as narrower
        on narrower.narrow_type = stayed.new_data_format and narrower.wide_type = stayed.old_data_format
    where
        stayed.old_data_format is distinct from stayed.new_data_format
        and stayed.old_data_type is not distinct from stayed.new_data_type
),

changes as (
    select * from came_or_went
    union all
    select * from type_changes
    union all
    select * from format_changes
    union all
    select *, case when new_is_required then 'became_required' else 'became_optional' end as change
    from stayed
    where old_is_required <> new_is_required
    union all
    -- For a column, NOT NULL and being required in an insert are the same.
    select *, case when new_is_nullable then 'became_nullable' else 'became_not_nullable' end as change
    from stayed
    where
        old_is_nullable <> new_is_nullable
        and not (element_kind = 'column' and old_is_required <> new_is_required)
    union all
    select *, case when new_is_deprecated then 'deprecated' else 'reactivated' end as change
    from stayed
    where old_is_deprecated <> new_is_deprecated
    union all
    select *, 'mutability_changed' as change
    from stayed
    where
        (old_is_read_only <> new_is_read_only or old_is_write_only <> new_is_write_only)
        and element_kind not in ('constraint', 'enum_value')
    union all
    select *, 'default_changed' as change
    from stayed
    where old_default_value is distinct from new_default_value
        and not (element_kind = 'column' and old_is_required <> new_is_required)
    union all
    select
        *,
        case
            when element_kind <> 'constraint' then 'value_changed'
            when new_value_number > old_value_number then 'increased'
            when new_value_number < old_value_number then 'decreased'
            else 'changed'
        end as change
    from stayed
    where old_value_text is distinct from new_value_text
    union all
    select *, 'description_changed' as change
    from stayed
    where old_description_hash is distinct from new_description_hash
),

faceted as (
    select
        *,
        case
            when is_inert and change <> 'mutability_changed' then 'inert'
            when element_kind = 'constraint' and element_name in {{ lower_bounds }} then 'lower_bound'
            when element_kind = 'constraint' and element_name in {{ upper_bounds }} then 'upper_bound'
            when element_kind = 'constraint' and element_name = 'multipleOf' then 'multiple'
            when element_kind = 'constraint' and element_name = 'uniqueItems' then 'unique_items'
            when element_kind = 'constraint' and element_name in ('contentEncoding', 'contentMediaType')
                then 'encoding'
            when element_kind = 'constraint' then element_name
            when element_kind = 'response' and (element_name like '2%' or element_name like '3%')
                then 'success'
            when element_kind = 'response' then 'failure'
            when element_kind = 'security' and element_name = 'none' then 'none'
            when element_kind = 'security' then 'scheme'
            when element_kind = 'property' and element_name = '$' then 'root'
            when is_required then 'required'
            else 'optional'
        end as facet
    from changes
),

named as (
    select
        {{ surrogate_key(['faceted.pair_id', 'faceted.element_path', 'faceted.change']) }} as change_id,
        faceted.*,
        pairs.contract_name,
        pairs.contract_kind,
        pairs.dependency_type,
        pairs.origin,
        pairs.git_commit,
        pairs.old_label,
        pairs.new_label,
        pairs.old_hash,
        pairs.content_hash as new_hash,
        pairs.session_id,
        pairs.source_path,
        pairs.source_line,
        coalesce(pairs.released_at, pairs.landed_at) as detected_at,
        pairs._batch_id
    from faceted
    inner join pairs on pairs.pair_id = faceted.pair_id
),

judged as (
    select
        named.*,
        rules.rule_name,
        rules.classification,
        rules.change_type,
        rules.effect,
        rules.oasdiff_check,
        rules.oasdiff_level,
        rules.reason,
        row_number() over (partition by named.change_id order by rules.rule_order) as rule_rank
    from named
    inner join {{ ref('change_rules') }} as rules
        on rules.contract in ('*', named.contract_kind) and rules.element in ('*', named.element_kind)
        and rules.direction in ('*', named.direction) and rules.facet in ('*', named.facet)
        and rules.change in ('*', named.change)
)

select
    change_id,
    contract_name,
    contract_kind,
    dependency_type,
    origin,
    element_path,
    parent_path,
    element_kind,
    element_name,
    direction,
    endpoint,
    method,
    facet,
    change,
    classification,
    change_type,
    rule_name,
    effect,
    oasdiff_check,
    oasdiff_level,
    reason,
    old_label,
    new_label,
    old_hash,
    new_hash,
    git_commit,
    case
        when was_there
            then {{ as_json({'path': 'element_path', 'type': 'old_data_type', 'format': 'old_data_format',
                'required': 'old_is_required', 'nullable': 'old_is_nullable',
                'deprecated': 'old_is_deprecated',
                'default': 'old_default_value', 'value': 'old_value_text'}) }}
    end as old_element,
    case
        when is_there
            then {{ as_json({'path': 'element_path', 'type': 'new_data_type', 'format': 'new_data_format',
                'required': 'new_is_required', 'nullable': 'new_is_nullable',
                'deprecated': 'new_is_deprecated',
                'default': 'new_default_value', 'value': 'new_value_text'}) }}
    end as new_element,
    session_id,
    detected_at,
    case when origin = 'transcript' then 'observed' else 'recorded' end as provenance,
    source_path as _source_path,
    source_line as _source_line,
    _batch_id
from judged
where rule_rank = 1

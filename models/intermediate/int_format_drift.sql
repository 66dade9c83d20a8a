{{ config(materialized='table') }}

{#
    How the transcript format changed from one client version to the next. A field that is not seen in some lines may still
    exist: it counts as come or gone only where, at the rate at which it stands in lines that may have it, at least
    `format_expected_lines` lines on the other side should have shown it.
#}
with version_lines as (
    select
        client_version,
        line_type,
        coalesce(subtype, '') as subtype,
        cast({{ regex_group('client_version', '^([0-9]+)[.]') }} as bigint) * 100000000
        + cast({{ regex_group('client_version', '^[0-9]+[.]([0-9]+)[.]') }} as bigint) * 100000
        + cast({{ regex_group('client_version', '^[0-9]+[.][0-9]+[.]([0-9]+)') }} as bigint) as version_number,
        created_at
    from {{ ref('stg_transcripts__line') }}
    where {{ regex_matches('client_version', "'^[0-9]{1,4}[.][0-9]{1,4}[.][0-9]{1,4}'") }} and line_type is not null and not is_nested
),

-- Line types by subtype for system lines: their subtypes have fields of their own.
elements as (
    select
        client_version,
        version_number,
        line_type,
        subtype,
        case when line_type = 'system' and subtype <> '' then concat(line_type, '/', subtype) else line_type end as element_name,
        min(created_at) as first_seen_at,
        count(*) as line_count
    from version_lines
    group by all
),

versions as (
    select
        client_version,
        version_number,
        min(first_seen_at) as version_seen_at
    from elements
    group by all
),

numbered_versions as (
    select
        version_number,
        min(client_version) as client_version,
        min(version_seen_at) as version_seen_at
    from versions
    group by version_number
),

element_versions as (
    select
        element_name,
        version_number,
        min(first_seen_at) as first_seen_at,
        cast(sum(line_count) as double) as line_count
    from elements
    group by all
),

field_versions as (
    select
        elements.element_name,
        keys.line_key as field_path,
        elements.version_number,
        cast(sum(keys.line_count) as double) as field_lines,
        cast(1 as double) as scale
    from {{ ref('stg_transcripts__line_key') }} as keys
    inner join elements
        on elements.line_type = keys.line_type and elements.subtype = keys.subtype and elements.client_version = keys.client_version
    group by all
    union all
    select
        elements.element_name,
        types.field_path,
        elements.version_number,
        cast(sum(types.line_count) as double) as field_lines,
        cast(16 as double) as scale
    from {{ ref('stg_transcripts__field_type') }} as types
    inner join elements
        on elements.line_type = types.line_type and elements.subtype = types.subtype and elements.client_version = types.client_version
    where types.field_path like '%.%'
    group by all
),

fields as (
    select
        element_name,
        field_path,
        min(version_number) as first_version,
        max(version_number) as last_version,
        sum(field_lines * scale) as field_lines,
        max(scale) as scale
    from field_versions
    group by all
),

sides as (
    select
        fields.element_name,
        fields.field_path,
        fields.first_version,
        fields.last_version,
        fields.scale,
        fields.field_lines,
        sum(case when element_versions.version_number < fields.first_version then element_versions.line_count else 0 end) as lines_before,
        sum(case when element_versions.version_number > fields.last_version then element_versions.line_count else 0 end) as lines_after,
        sum(
            case
                when element_versions.version_number between fields.first_version and fields.last_version then element_versions.line_count
                else 0
            end
        ) as lines_with,
        max(case when element_versions.version_number < fields.first_version then element_versions.version_number end) as version_before,
        min(case when element_versions.version_number > fields.last_version then element_versions.version_number end) as version_after
    from fields
    inner join element_versions on element_versions.element_name = fields.element_name
    group by all
),

element_sides as (
    select
        element_name,
        min(version_number) as first_version,
        max(version_number) as last_version,
        sum(line_count) as line_count
    from element_versions
    group by element_name
),

all_lines as (
    select version_number, sum(line_count) as line_count
    from element_versions
    group by version_number
),

element_expected as (
    select
        element_sides.element_name,
        element_sides.first_version,
        element_sides.last_version,
        element_sides.line_count / sum(
            case
                when all_lines.version_number between element_sides.first_version and element_sides.last_version then all_lines.line_count
                else 0
            end
        ) as line_ratio,
        sum(case when all_lines.version_number < element_sides.first_version then all_lines.line_count else 0 end) as lines_before,
        sum(case when all_lines.version_number > element_sides.last_version then all_lines.line_count else 0 end) as lines_after,
        max(case when all_lines.version_number < element_sides.first_version then all_lines.version_number end) as version_before,
        min(case when all_lines.version_number > element_sides.last_version then all_lines.version_number end) as version_after,
        element_sides.line_count
    from element_sides
    cross join all_lines
    group by element_sides.element_name, element_sides.first_version, element_sides.last_version, element_sides.line_count
),

types as (
    select
        elements.element_name,
        types.field_path,
        types.data_type,
        elements.version_number,
        sum(types.line_count) as line_count
    from {{ ref('stg_transcripts__field_type') }} as types
    inner join elements
        on elements.line_type = types.line_type and elements.subtype = types.subtype and elements.client_version = types.client_version
    where types.data_type <> 'null'
    group by all
),

first_types as (
    select
        element_name,
        field_path,
        data_type,
        min(version_number) as first_version,
        cast(sum(line_count) as double) as line_count
    from types
    group by all
),

new_types as (
    select
        first_types.element_name,
        first_types.field_path,
        first_types.first_version,
        max(types.version_number) as version_before,
        {{ distinct_texts('types.data_type', '|') }} as old_types,
        first_types.data_type as new_type,
        sum(types.line_count) as lines_before,
        first_types.line_count
    from first_types
    inner join types
        on types.element_name = first_types.element_name and types.field_path = first_types.field_path
        and types.version_number < first_types.first_version
    group by first_types.element_name, first_types.field_path, first_types.first_version, first_types.data_type, first_types.line_count
),

changes as (
    select
        element_name,
        field_path,
        'field' as element_kind,
        'added' as change,
        version_before as old_version,
        first_version as new_version,
        cast(null as varchar) as old_type,
        cast(null as varchar) as new_type,
        lines_before * field_lines / lines_with as expected_lines,
        cast(field_lines as bigint) as line_count
    from sides
    where version_before is not null
    union all
    select
        element_name,
        field_path,
        'field',
        'removed',
        last_version,
        version_after,
        null,
        null,
        lines_after * field_lines / lines_with,
        cast(field_lines as bigint)
    from sides
    where version_after is not null
    union all
    select
        element_name,
        field_path,
        'field',
        'type_widened',
        version_before,
        first_version,
        old_types,
        concat(old_types, '|', new_type),
        lines_before * least(line_count / (line_count + lines_before), 1) * 16,
        cast(line_count * 16 as bigint)
    from new_types
    union all
    select
        element_name,
        '',
        'line_type',
        'added',
        version_before,
        first_version,
        null,
        null,
        lines_before * line_ratio,
        cast(line_count as bigint)
    from element_expected
    where version_before is not null
    union all
    select
        element_name,
        '',
        'line_type',
        'removed',
        last_version,
        version_after,
        null,
        null,
        lines_after * line_ratio,
        cast(line_count as bigint)
    from element_expected
    where version_after is not null
)

select
    {{ surrogate_key(['changes.element_name', 'changes.field_path', 'changes.change', 'changes.new_version', 'changes.new_type']) }}
        as drift_id,
    changes.element_kind,
    changes.element_name,
    nullif(changes.field_path, '') as field_path,
    changes.change,
    old_versions.client_version as old_client_version,
    new_versions.client_version as new_client_version,
    changes.new_version as version_number,
    changes.old_type,
    changes.new_type,
    coalesce(element_versions.first_seen_at, new_versions.version_seen_at) as detected_at,
    changes.line_count,
    changes.expected_lines
from changes
inner join numbered_versions as new_versions on new_versions.version_number = changes.new_version
left join numbered_versions as old_versions on old_versions.version_number = changes.old_version
left join element_versions
    on element_versions.element_name = changes.element_name and element_versions.version_number = changes.new_version
where changes.expected_lines >= {{ var('format_expected_lines', 20) }}

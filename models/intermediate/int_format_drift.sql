{{ config(materialized='table') }}

-- Rebuilt from scratch each time: versions are compared over all sessions.
{#
    How the transcript format changed between client versions. A field or line type that is not seen may still
    exist: it counts as added or removed only if, on the other side, at least `format_expected_lines` lines
    (at the rate of lines that may have it) and `format_expected_sessions` sessions should have shown it. The
    confidence is the probability that one of them would have shown it, reduced if it depends on one project.
#}
with elements as (
    select * from {{ ref('int_format_element') }}
),

versions as (
    select
        version_number,
        min(client_version) as client_version,
        min(first_seen_at) as version_seen_at,
        min_by(source_path, (first_seen_at, source_path, source_line)) as source_path,
        min_by(source_line, (first_seen_at, source_path, source_line)) as source_line
    from elements
    group by version_number
),

element_versions as (
    select
        element_name,
        version_number,
        min(first_seen_at) as first_seen_at,
        min_by(source_path, (first_seen_at, source_path, source_line)) as source_path,
        min_by(source_line, (first_seen_at, source_path, source_line)) as source_line
    from elements
    group by all
),

-- Field types count by client version, whichever session showed the element.
element_names as (
    select distinct client_version, line_type, subtype, element_name, version_number
    from elements
),

types as (
    select
        elements.element_name,
        types.field_path,
        types.data_type,
        elements.version_number,
        sum(types.line_count) as line_count
    from {{ ref('stg_transcripts__field_type') }} as types
    inner join element_names as elements
        on elements.line_type = types.line_type and elements.subtype = types.subtype
        and elements.client_version = types.client_version
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
    group by
        first_types.element_name, first_types.field_path, first_types.first_version, first_types.data_type,
        first_types.line_count
),

changes as (
    {%- for change, side, old_version, new_version, place in [
        ('added', 'before', 'version_before', 'first_version', 'first'),
        ('removed', 'after', 'last_version', 'version_after', 'last')
    ] %}
        select
            element_name,
            field_path,
            case when field_path = '' then 'line_type' else 'field' end as element_kind,
            '{{ change }}' as change,
            {{ old_version }} as old_version,
            {{ new_version }} as new_version,
            cast(null as varchar) as old_type,
            cast(null as varchar) as new_type,
            lines_{{ side }} as expected_lines,
            sessions_{{ side }} as expected_sessions,
            projects_{{ side }} as expected_projects,
            silence_{{ side }} as silence,
            line_count
        from {{ ref('int_format_presence') }}
        where version_{{ side }} is not null and is_{{ place }}_anywhere
        union all
    {%- endfor %}
    -- A type that did not exist before exists, however few lines show it; only that it is new is a guess.
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
        null,
        null,
        null,
        cast(line_count * 16 as bigint)
    from new_types
)

select
    {{ surrogate_key([
        'changes.element_name', 'changes.field_path', 'changes.change', 'changes.new_version',
        'changes.new_type'
    ]) }}
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
    changes.expected_lines,
    changes.expected_sessions,
    changes.expected_projects,
    round(case
        when changes.expected_sessions is null then 1 - exp(-changes.expected_lines / 20)
        else (1 - exp(changes.silence)) * (1 - exp(-changes.expected_projects))
    end, 3) as confidence,
    case
        when element_versions.first_seen_at is not null then element_versions.source_path
        else new_versions.source_path
    end as source_path,
    case
        when element_versions.first_seen_at is not null then element_versions.source_line
        else new_versions.source_line
    end as source_line
from changes
inner join versions as new_versions on new_versions.version_number = changes.new_version
left join versions as old_versions on old_versions.version_number = changes.old_version
left join element_versions
    on element_versions.element_name = changes.element_name
    and element_versions.version_number = changes.new_version
where
    -- With 20 lines the probability of an accident is below one in a million. Lines of a session resemble
    -- each other: judged by lines alone, 20 of the 23 fields that counted as removed in the corpus were in
    -- later versions or specific to one client.
    changes.expected_lines >= {{ var('format_expected_lines', 20) }}
    and coalesce(changes.expected_sessions >= {{ var('format_expected_sessions', 5) }}, true)

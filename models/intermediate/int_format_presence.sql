{{ config(materialized='table') }}

-- Rebuilt from scratch each time: versions are compared over all sessions.
{#
    A field or line type that is not seen may still exist. How many sessions should have shown it depends on
    what they did, and projects keep their habits: a project that never showed it while it existed (no plans,
    no errors, no such tool) is expected to show nothing, a project that did is expected to show it at its own
    rate, and a new project at the rate of projects, all of them at the lower confidence bound for so few.
#}
with elements as (
    select * from {{ ref('int_format_element') }}
),

-- Fields count by client version, whichever session showed the element.
element_names as (
    select distinct client_version, line_type, subtype, element_name, version_number
    from elements
),

-- Numbers, not names: the pairs of field and project counted below can be millions.
projects as (
    select
        sessions.session_id,
        numbered.project_number
    from (
        select session_id, coalesce(project_path, session_id) as project_path from {{ ref('int_session') }}
    ) as sessions
    inner join (
        select
            project_path,
            row_number() over (order by project_path) as project_number
        from (
            select distinct coalesce(project_path, session_id) as project_path from {{ ref('int_session') }}
        ) as paths
    ) as numbered on numbered.project_path = sessions.project_path
),

-- Sessions with lines of an element: all, and (scale 16) those with a line whose types were sampled.
element_sessions as (
    select
        elements.element_name,
        elements.version_number,
        elements.session_id,
        projects.project_number,
        cast(1 as double) as scale
    from elements
    inner join projects on projects.session_id = elements.session_id
    group by all
    union all
    select
        elements.element_name,
        elements.version_number,
        types.session_id,
        projects.project_number,
        cast(16 as double) as scale
    from {{ ref('stg_transcripts__field_type') }} as types
    inner join element_names as elements
        on elements.line_type = types.line_type and elements.subtype = types.subtype
        and elements.client_version = types.client_version
    inner join projects on projects.session_id = types.session_id
    group by all
),

field_versions as (
    select
        elements.element_name,
        keys.line_key as field_path,
        elements.version_number,
        keys.session_id,
        cast(sum(keys.line_count) as double) as field_lines,
        cast(1 as double) as scale
    from {{ ref('stg_transcripts__line_key') }} as keys
    inner join element_names as elements
        on elements.line_type = keys.line_type and elements.subtype = keys.subtype
        and elements.client_version = keys.client_version
    group by all
    union all
    select
        elements.element_name,
        types.field_path,
        elements.version_number,
        types.session_id,
        cast(sum(types.line_count) as double) as field_lines,
        cast(16 as double) as scale
    from {{ ref('stg_transcripts__field_type') }} as types
    inner join element_names as elements
        on elements.line_type = types.line_type and elements.subtype = types.subtype
        and elements.client_version = types.client_version
    where types.field_path like '%.%'
    group by all
),

-- Lines of an element, and ('') all lines.
beside_lines as (
    select
        element_name as beside,
        version_number,
        cast(sum(line_count) as double) as line_count
    from elements
    group by all
    union all
    select
        '',
        version_number,
        sum(line_count)
    from elements
    group by version_number
),

-- What may have been added or removed: fields, and line types ('') relative to all lines ('').
watched as (
    select
        *,
        row_number() over (order by element_name, field_path) as watch_number
    from (
        select
            element_name,
            field_path,
            element_name as beside,
            min(version_number) as first_version,
            max(version_number) as last_version,
            sum(field_lines * scale) as line_count,
            max(scale) as scale
        from field_versions
        group by element_name, field_path
        union all
        select
            element_name,
            '',
            '',
            min(version_number),
            max(version_number),
            sum(line_count),
            1
        from elements
        group by element_name
    ) as both_kinds
),

-- The number of sessions of a project that showed it.
uses as (
    select
        watched.watch_number,
        projects.project_number,
        count(distinct shown.session_id) as used_count
    from (
        select element_name, field_path, session_id from field_versions
        union all
        select element_name, '', session_id from element_sessions
        where scale = 1
    ) as shown
    inner join watched on watched.element_name = shown.element_name and watched.field_path = shown.field_path
    inner join projects on projects.session_id = shown.session_id
    group by watched.watch_number, projects.project_number
),

-- The sessions of a project that could have shown it, by the first and last client version they used.
spans as (
    select beside, scale, project_number, first_version, last_version, count(*) as session_count
    from (
        select
            element_name as beside, scale, project_number, session_id,
            min(version_number) as first_version,
            max(version_number) as last_version
        from element_sessions
        group by element_name, scale, project_number, session_id
        union all
        select '', scale, project_number, session_id, min(version_number), max(version_number)
        from element_sessions
        where scale = 1
        group by scale, project_number, session_id
    ) as sessions
    group by all
),

-- Each project's sessions before, during and after a field or line type existed, and how many showed it.
project_sides as (
    select
        watched.watch_number,
        spans.project_number,
        sum(case when spans.first_version < watched.first_version then spans.session_count else 0 end)
            as before_count,
        sum(case when spans.last_version > watched.last_version then spans.session_count else 0 end)
            as after_count,
        sum(case
            when spans.first_version <= watched.last_version and spans.last_version >= watched.first_version
                then spans.session_count
            else 0
        end) as between_count
    from watched
    inner join spans on spans.beside = watched.beside and spans.scale = watched.scale
    group by watched.watch_number, spans.project_number
),

used_sides as (
    select
        project_sides.*,
        coalesce(uses.used_count, 0) as used_count
    from project_sides
    left join uses
        on uses.watch_number = project_sides.watch_number
        and uses.project_number = project_sides.project_number
),

-- The rate of projects, and the rate of sessions in those that showed it.
habits as (
    select
        watch_number,
        coalesce({{ wilson_low(
            'count(*) filter (where used_count > 0)', 'count(*) filter (where between_count > 0)'
        ) }}, 0) as project_share,
        coalesce({{ wilson_low(
            'sum(least(used_count, between_count)) filter (where used_count > 0)',
            'sum(between_count) filter (where used_count > 0)'
        ) }}, 0) as session_share
    from used_sides
    group by watch_number
),

project_rates as (
    select
        project_sides.watch_number,
        project_sides.before_count,
        project_sides.after_count,
        case
            when project_sides.between_count = 0 then habits.project_share
            when project_sides.used_count > 0 then 1
            else 0
        end as project_share,
        case
            when project_sides.between_count = 0 then habits.session_share
            when project_sides.used_count > 0
                then {{ wilson_low(
                    'least(project_sides.used_count, project_sides.between_count)',
                    'project_sides.between_count'
                ) }}
            else 0
        end as session_share
    from used_sides as project_sides
    inner join habits on habits.watch_number = project_sides.watch_number
),

-- The probability that a project shows nothing: it never does such things, or it does but none of its
-- sessions happened to.
session_sides as (
    select
        watch_number,
        round(sum(before_count * project_share * session_share), 6) as sessions_before,
        round(sum(after_count * project_share * session_share), 6) as sessions_after,
        round(sum(case when before_count > 0 then project_share else 0 end), 6) as projects_before,
        round(sum(case when after_count > 0 then project_share else 0 end), 6) as projects_after,
        sum(ln(greatest(1 - project_share * (1 - power(1 - session_share, before_count)), 1e-9)))
            as silence_before,
        sum(ln(greatest(1 - project_share * (1 - power(1 - session_share, after_count)), 1e-9)))
            as silence_after
    from project_rates
    group by watch_number
),

line_sides as (
    select
        watched.watch_number,
        sum(
            case
                when beside_lines.version_number < watched.first_version then beside_lines.line_count
                else 0
            end
        ) as lines_before,
        sum(
            case
                when beside_lines.version_number > watched.last_version then beside_lines.line_count
                else 0
            end
        ) as lines_after,
        sum(beside_lines.line_count) filter (
            where beside_lines.version_number between watched.first_version and watched.last_version
        ) as lines_with,
        max(beside_lines.version_number) filter (where beside_lines.version_number < watched.first_version)
            as version_before,
        min(beside_lines.version_number) filter (where beside_lines.version_number > watched.last_version)
            as version_after
    from watched
    inner join beside_lines on beside_lines.beside = watched.beside
    group by watched.watch_number
)

select
    watched.element_name,
    watched.field_path,
    line_sides.version_before,
    watched.first_version,
    watched.last_version,
    line_sides.version_after,
    -- A field that another line type had before or has later was neither added nor removed.
    watched.field_path = ''
    or watched.first_version = min(watched.first_version) over (partition by watched.field_path)
        as is_first_anywhere,
    watched.field_path = ''
    or watched.last_version = max(watched.last_version) over (partition by watched.field_path)
        as is_last_anywhere,
    cast(watched.line_count as bigint) as line_count,
    line_sides.lines_before * watched.line_count / line_sides.lines_with as lines_before,
    line_sides.lines_after * watched.line_count / line_sides.lines_with as lines_after,
    session_sides.sessions_before,
    session_sides.sessions_after,
    session_sides.projects_before,
    session_sides.projects_after,
    session_sides.silence_before,
    session_sides.silence_after
from watched
inner join line_sides on line_sides.watch_number = watched.watch_number
inner join session_sides on session_sides.watch_number = watched.watch_number

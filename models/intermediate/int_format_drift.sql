{{ config(materialized='table') }}

-- Made anew each time: versions are compared over all sessions.
{#
    How the transcript format changed from one client version to the next. A field or type of line that is not seen may still
    exist: it counts as come or gone only where, on the other side, at least `format_expected_lines` lines at the rate at which
    lines that may have it do, and at least `format_expected_sessions` sessions should have shown it. How many sessions that is
    depends on what they did, and what a project does it goes on doing: a project that never showed it while it was there (no
    plans, no errors, no such tool) is expected to show nothing, one that did at its own rate, one that is new at the rate of
    projects, all of them at the lower bound of what so few can tell. The confidence is the chance that somebody would have
    shown it, less where that rests on one project. Nor has a field come or gone that another type of line had before or has
    later.
#}
with version_lines as (
    select
        lines.session_id,
        lines.client_version,
        lines.line_type,
        coalesce(lines.subtype, '') as subtype,
        {{ version_number('lines.client_version') }} as version_number,
        lines.created_at,
        files.path as source_path,
        lines.line_number as source_line
    from {{ ref('stg_transcripts__line') }} as lines
    inner join {{ ref('stg_transcripts__file') }} as files on files.file_id = lines.file_id
    where {{ version_number('lines.client_version') }} is not null and lines.line_type is not null and not lines.is_nested
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
        min_by(source_path, (created_at, source_path, source_line)) as source_path,
        min_by(source_line, (created_at, source_path, source_line)) as source_line,
        count(*) as line_count
    from version_lines
    group by all
),

-- Numbers, not names: what is counted below are pairs of a field and a project, and there can be millions.
projects as (
    select
        sessions.session_id,
        numbered.project_number
    from (select session_id, coalesce(project_path, session_id) as project_path from {{ ref('int_session') }}) as sessions
    inner join (
        select
            project_path,
            row_number() over (order by project_path) as project_number
        from (select distinct coalesce(project_path, session_id) as project_path from {{ ref('int_session') }}) as paths
    ) as numbered on numbered.project_path = sessions.project_path
),

-- Sessions with lines of an element: all, and (scale 16) those with a line whose types were looked at.
element_sessions as (
    select
        elements.element_name,
        elements.version_number,
        lines.session_id,
        projects.project_number,
        cast(1 as double) as scale
    from version_lines as lines
    inner join elements
        on elements.line_type = lines.line_type and elements.subtype = lines.subtype and elements.client_version = lines.client_version
    inner join projects on projects.session_id = lines.session_id
    group by all
    union all
    select
        elements.element_name,
        elements.version_number,
        types.session_id,
        projects.project_number,
        cast(16 as double) as scale
    from {{ ref('stg_transcripts__field_type') }} as types
    inner join elements
        on elements.line_type = types.line_type and elements.subtype = types.subtype and elements.client_version = types.client_version
    inner join projects on projects.session_id = types.session_id
    group by all
),

versions as (
    select
        client_version,
        version_number,
        min(first_seen_at) as version_seen_at,
        min_by(source_path, (first_seen_at, source_path, source_line)) as source_path,
        min_by(source_line, (first_seen_at, source_path, source_line)) as source_line
    from elements
    group by all
),

numbered_versions as (
    select
        version_number,
        min(client_version) as client_version,
        min(version_seen_at) as version_seen_at,
        min_by(source_path, (version_seen_at, source_path, source_line)) as source_path,
        min_by(source_line, (version_seen_at, source_path, source_line)) as source_line
    from versions
    group by version_number
),

element_versions as (
    select
        element_name,
        version_number,
        min(first_seen_at) as first_seen_at,
        min_by(source_path, (first_seen_at, source_path, source_line)) as source_path,
        min_by(source_line, (first_seen_at, source_path, source_line)) as source_line,
        cast(sum(line_count) as double) as line_count
    from elements
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
    inner join elements
        on elements.line_type = keys.line_type and elements.subtype = keys.subtype and elements.client_version = keys.client_version
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

field_anywhere as (
    select
        field_path,
        min(first_version) as first_version,
        max(last_version) as last_version
    from fields
    group by field_path
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

-- What may have come or gone: fields, and types of line ('') beside all lines ('').
watched as (
    select
        *,
        row_number() over (order by element_name, field_path) as watch_number
    from (
        select element_name, field_path, first_version, last_version, scale, element_name as beside from fields
        union all
        select element_name, '', first_version, last_version, 1, '' from element_sides
    ) as both_kinds
),

-- How many sessions of a project showed it.
uses as (
    select
        watched.watch_number,
        projects.project_number,
        count(distinct shown.session_id) as used_count
    from (
        select element_name, field_path, session_id from field_versions
        union all
        select element_name, '', session_id from element_sessions where scale = 1
    ) as shown
    inner join watched on watched.element_name = shown.element_name and watched.field_path = shown.field_path
    inner join projects on projects.session_id = shown.session_id
    group by watched.watch_number, projects.project_number
),

-- The sessions of a project that could have shown it, by the first and the last version that they had.
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

-- Each project's sessions before, while and after a field or a type of line was there, and how many of them showed it.
project_sides as (
    select
        watched.watch_number,
        spans.project_number,
        sum(case when spans.first_version < watched.first_version then spans.session_count else 0 end) as before_count,
        sum(case when spans.last_version > watched.last_version then spans.session_count else 0 end) as after_count,
        sum(case
            when spans.first_version <= watched.last_version and spans.last_version >= watched.first_version then spans.session_count
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
    left join uses on uses.watch_number = project_sides.watch_number and uses.project_number = project_sides.project_number
),

-- The rate of projects, and of the sessions in those that showed it.
habits as (
    select
        watch_number,
        coalesce({{ wilson_low('count(*) filter (where used_count > 0)', 'count(*) filter (where between_count > 0)') }}, 0) as project_share,
        coalesce({{ wilson_low(
            'sum(least(used_count, between_count)) filter (where used_count > 0)', 'sum(between_count) filter (where used_count > 0)'
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
                then {{ wilson_low('least(project_sides.used_count, project_sides.between_count)', 'project_sides.between_count') }}
            else 0
        end as session_share
    from used_sides as project_sides
    inner join habits on habits.watch_number = project_sides.watch_number
),

-- The chance that a project shows nothing: it does no such thing, or does and no session of it happened to.
session_sides as (
    select
        watched.element_name,
        watched.field_path,
        round(sum(before_count * project_share * session_share), 6) as sessions_before,
        round(sum(after_count * project_share * session_share), 6) as sessions_after,
        round(sum(case when before_count > 0 then project_share else 0 end), 6) as projects_before,
        round(sum(case when after_count > 0 then project_share else 0 end), 6) as projects_after,
        sum(ln(greatest(1 - project_share * (1 - power(1 - session_share, before_count)), 1e-9))) as silence_before,
        sum(ln(greatest(1 - project_share * (1 - power(1 - session_share, after_count)), 1e-9))) as silence_after
    from project_rates
    inner join watched on watched.watch_number = project_rates.watch_number
    group by watched.element_name, watched.field_path
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
        sides.element_name,
        sides.field_path,
        'field' as element_kind,
        'added' as change,
        sides.version_before as old_version,
        sides.first_version as new_version,
        cast(null as varchar) as old_type,
        cast(null as varchar) as new_type,
        sides.lines_before * sides.field_lines / sides.lines_with as expected_lines,
        session_sides.sessions_before as expected_sessions,
        session_sides.projects_before as expected_projects,
        session_sides.silence_before as silence,
        cast(sides.field_lines as bigint) as line_count
    from sides
    inner join session_sides
        on session_sides.element_name = sides.element_name and session_sides.field_path = sides.field_path
    inner join field_anywhere on field_anywhere.field_path = sides.field_path and field_anywhere.first_version = sides.first_version
    where sides.version_before is not null
    union all
    select
        sides.element_name,
        sides.field_path,
        'field',
        'removed',
        sides.last_version,
        sides.version_after,
        null,
        null,
        sides.lines_after * sides.field_lines / sides.lines_with,
        session_sides.sessions_after,
        session_sides.projects_after,
        session_sides.silence_after,
        cast(sides.field_lines as bigint)
    from sides
    inner join session_sides
        on session_sides.element_name = sides.element_name and session_sides.field_path = sides.field_path
    inner join field_anywhere on field_anywhere.field_path = sides.field_path and field_anywhere.last_version = sides.last_version
    where sides.version_after is not null
    union all
    -- A type that nobody had before is there, however few lines show it; only that it is new is a guess.
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
    union all
    select
        expected.element_name,
        '',
        'line_type',
        'added',
        expected.version_before,
        expected.first_version,
        null,
        null,
        expected.lines_before * expected.line_ratio,
        sessions.sessions_before,
        sessions.projects_before,
        sessions.silence_before,
        cast(expected.line_count as bigint)
    from element_expected as expected
    inner join session_sides as sessions on sessions.element_name = expected.element_name and sessions.field_path = ''
    where expected.version_before is not null
    union all
    select
        expected.element_name,
        '',
        'line_type',
        'removed',
        expected.last_version,
        expected.version_after,
        null,
        null,
        expected.lines_after * expected.line_ratio,
        sessions.sessions_after,
        sessions.projects_after,
        sessions.silence_after,
        cast(expected.line_count as bigint)
    from element_expected as expected
    inner join session_sides as sessions on sessions.element_name = expected.element_name and sessions.field_path = ''
    where expected.version_after is not null
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
    changes.expected_lines,
    changes.expected_sessions,
    changes.expected_projects,
    round(case
        when changes.expected_sessions is null then 1 - exp(-changes.expected_lines / 20)
        else (1 - exp(changes.silence)) * (1 - exp(-changes.expected_projects))
    end, 3) as confidence,
    case when element_versions.first_seen_at is not null then element_versions.source_path else new_versions.source_path end as source_path,
    case when element_versions.first_seen_at is not null then element_versions.source_line else new_versions.source_line end as source_line
from changes
inner join numbered_versions as new_versions on new_versions.version_number = changes.new_version
left join numbered_versions as old_versions on old_versions.version_number = changes.old_version
left join element_versions
    on element_versions.element_name = changes.element_name and element_versions.version_number = changes.new_version
where
    -- With 20 lines the chance of an accident is below one in a million. Lines of one session look alike: by lines
    -- alone, 20 of 23 fields of the corpus that counted as gone stood in later versions or belonged to one client only.
    changes.expected_lines >= {{ var('format_expected_lines', 20) }}
    and coalesce(changes.expected_sessions >= {{ var('format_expected_sessions', 5) }}, true)

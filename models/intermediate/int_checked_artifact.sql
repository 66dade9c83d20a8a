-- Targets of checks, from transcripts and from records of programs.
with sights as (
    select
        target_path as artifact_path,
        ran_at as seen_at,
        session_id,
        cast(null as varchar) as component_type,
        cast(null as varchar) as component_name,
        false as is_of_project,
        'observed' as provenance
    from {{ ref('int_check_run') }}
    where target_path is not null and target_file_count = 1
    union all
    select
        artifact_path,
        checked_at,
        session_id,
        component_type,
        component_name,
        is_of_project,
        'recorded'
    from {{ ref('int_recorded_check') }}
    -- The target of a check in a transcript is known from the transcript.
    where check_run_id is null
)

select
    {{ surrogate_key(['artifact_path', 'session_id', 'is_of_project', 'provenance']) }} as sight_id,
    artifact_path,
    session_id,
    provenance,
    is_of_project,
    min(component_type) as component_type,
    min(component_name) as component_name,
    min(seen_at) as first_seen_at,
    max(seen_at) as last_seen_at,
    count(*) as check_count
from sights
group by artifact_path, session_id, provenance, is_of_project

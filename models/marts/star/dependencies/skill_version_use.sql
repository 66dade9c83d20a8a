-- The version of a skill that a session ran: its body, matched with scanned and committed files.
with bodies as (
    select
        skill_name,
        session_id,
        version_hash as body_hash,
        min(created_at) as first_loaded_at,
        max(created_at) as last_loaded_at,
        min(file_path) as file_path,
        max(skill_version) as skill_version,
        min(commit_hash) as version_commit,
        min(committed_at) as committed_at,
        bool_or(is_on_disk) as is_on_disk,
        count(*) as load_count,
        min(_source_path) as _source_path,
        max(_batch_id) as _batch_id
    from {{ ref('int_skill_body') }}
    where skill_name is not null
    group by skill_name, session_id, version_hash
),

versions as (
    select
        skill_name,
        body_hash,
        min(first_loaded_at) as first_loaded_at
    from bodies
    group by skill_name, body_hash
),

numbered as (
    select
        *,
        row_number() over (partition by skill_name order by first_loaded_at nulls last, body_hash)
            as version_number,
        count(*) over (partition by skill_name) as version_count
    from versions
)

select
    {{ surrogate_key(["'skill'", 'bodies.skill_name']) }} as skill_id,
    bodies.session_id,
    bodies.body_hash,
    bodies.first_loaded_at,
    bodies.last_loaded_at,
    bodies.file_path,
    bodies.skill_version,
    bodies.version_commit,
    bodies.committed_at,
    'observed' as provenance,
    coalesce(skills.body_hash = bodies.body_hash, false) as is_latest,
    bodies.is_on_disk,
    cast(numbered.version_number as bigint) as version_number,
    cast(numbered.version_count as bigint) as version_count,
    cast(bodies.load_count as bigint) as load_count,
    bodies._source_path,
    bodies._batch_id
from bodies
inner join numbered on numbered.skill_name = bodies.skill_name and numbered.body_hash = bodies.body_hash
-- Commands that nothing calls a skill are only in fact_skill_invocation.
inner join {{ ref('dim_skill') }} as skills on skills.skill_name = bodies.skill_name

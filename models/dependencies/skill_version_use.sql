-- Which version of a skill a session ran with: its body, found again among the files that scans know.
with bodies as (
    select
        skill_name,
        session_id,
        body_hash,
        min(created_at) as first_loaded_at,
        max(created_at) as last_loaded_at,
        count(*) as load_count,
        min(_source_path) as _source_path,
        max(_batch_id) as _batch_id
    from {{ ref('int_skill_body') }}
    where skill_name is not null
    group by all
),

files as (
    select
        component_name as skill_name,
        body_hash,
        min(file_path) as file_path,
        max(declared_version) as skill_version,
        min(measured_at) as measured_at
    from {{ ref('int_component_version') }}
    where component_type = 'skill' and file_role = 'main' and body_hash is not null
    group by all
),

versions as (
    select
        skill_name,
        body_hash,
        min(first_loaded_at) as first_loaded_at
    from bodies
    group by all
),

numbered as (
    select
        *,
        row_number() over (partition by skill_name order by first_loaded_at nulls last, body_hash) as version_number,
        count(*) over (partition by skill_name) as version_count
    from versions
)

select
    {{ surrogate_key(["'skill'", 'bodies.skill_name']) }} as skill_id,
    bodies.session_id,
    bodies.body_hash,
    bodies.first_loaded_at,
    bodies.last_loaded_at,
    files.file_path,
    files.skill_version,
    'observed' as provenance,
    coalesce(skills.body_hash = bodies.body_hash, false) as is_latest,
    files.body_hash is not null as is_on_disk,
    cast(numbered.version_number as bigint) as version_number,
    cast(numbered.version_count as bigint) as version_count,
    cast(bodies.load_count as bigint) as load_count,
    bodies._source_path,
    bodies._batch_id
from bodies
inner join numbered on numbered.skill_name = bodies.skill_name and numbered.body_hash = bodies.body_hash
left join files on files.skill_name = bodies.skill_name and files.body_hash = bodies.body_hash
left join {{ ref('dim_skill') }} as skills on skills.skill_name = bodies.skill_name

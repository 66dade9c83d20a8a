{{ config(materialized='table', zstd_columns=['body_text']) }}

-- The files that a body may come from: of the same name, with or without a plugin prefix.
with candidates as (
    select
        loads.line_uuid,
        versions.body_hash as version_hash,
        versions.skill_version,
        versions.commit_hash,
        versions.committed_at,
        versions.file_path,
        versions.is_on_disk,
        row_number() over (
            partition by loads.line_uuid
            order by
                loads.skill_name = versions.component_name desc, loads.body_hash = versions.body_hash desc,
                versions.fixed_characters desc nulls last, versions.is_on_disk desc, versions.component_name,
                versions.body_hash
        ) as match_rank
    from {{ ref('int_skill_load') }} as loads
    inner join {{ ref('int_known_version') }} as versions
        on {{ regex_group('versions.component_name', '([^:]*)$') }}
        = {{ regex_group('loads.skill_name', '([^:]*)$') }}
        and (versions.body_hash = loads.body_hash or loads.body_text like versions.body_pattern escape '^')
)

select
    loads.line_uuid,
    loads.session_id,
    loads.tool_use_id,
    loads.turn_id,
    loads.component_type,
    loads.skill_name,
    loads.skill_path,
    loads.body_text,
    loads.body_hash,
    coalesce(candidates.version_hash, loads.body_hash) as version_hash,
    coalesce(candidates.skill_version, {{ plugin_path_version('loads.skill_path') }}) as skill_version,
    candidates.commit_hash,
    candidates.file_path,
    loads.created_at,
    candidates.committed_at,
    coalesce(candidates.is_on_disk, false) as is_on_disk,
    {{ char_count('loads.body_text') }} as body_characters,
    loads.block_number,
    loads._source_path,
    loads._source_line,
    loads._batch_id
from {{ ref('int_skill_load') }} as loads
left join candidates on candidates.line_uuid = loads.line_uuid and candidates.match_rank = 1

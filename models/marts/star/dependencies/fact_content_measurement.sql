-- Sizes of a skill's files: those that scans found, and the bodies in conversations.
with bodies as (
    select
        skill_name,
        skill_path,
        version_hash as body_hash,
        min(body_text) as body_text,
        min(created_at) as measured_at,
        max(created_at) as last_seen_at,
        count(*) as sight_count,
        count(distinct session_id) as session_count,
        {{ value_at_max('session_id', "concat('-', cast(created_at as varchar), session_id)") }}
            as session_id,
        min(_source_path) as _source_path,
        max(_batch_id) as _batch_id
    from {{ ref('int_skill_body') }}
    where skill_name is not null and component_type = 'skill'
    group by skill_name, skill_path, version_hash
)

select
    {{ surrogate_key(
        ['bodies.skill_name', "concat(bodies.skill_path, '/SKILL.md')", 'bodies.body_hash', "'shown'"]
    ) }} as measurement_id,
    {{ surrogate_key(["'skill'", 'bodies.skill_name']) }} as skill_id,
    bodies.session_id,
    bodies.measured_at,
    bodies.last_seen_at,
    concat(bodies.skill_path, '/SKILL.md') as file_path,
    'md' as file_type,
    'body' as file_role,
    bodies.body_hash as content_hash,
    bodies.body_hash,
    coalesce(weights.token_method, 'estimated') as token_method,
    case when weights.token_method is null then 'estimated' else 'observed' end as provenance,
    cast({{ line_count('bodies.body_text') }} as bigint) as line_count,
    cast({{ word_count('bodies.body_text') }} as bigint) as word_count,
    cast({{ char_count('bodies.body_text') }} as bigint) as char_count,
    cast(coalesce(
        weights.tokens, round({{ char_count('bodies.body_text') }} * rates.tokens_per_character)
    ) as bigint) as estimated_tokens,
    cast(bodies.sight_count as bigint) as sight_count,
    cast(bodies.session_count as bigint) as session_count,
    bodies._source_path,
    bodies._batch_id
from bodies
inner join {{ ref('int_token_rate') }} as rates
    on rates.component_type = 'skill' and {{ rate_applies('rates', 'bodies.measured_at') }}
left join {{ ref('int_body_weight') }} as weights
    on weights.skill_name = bodies.skill_name and weights.version_hash = bodies.body_hash
union all
select
    {{ surrogate_key(
        ['versions.component_name', 'versions.file_path', 'versions.content_hash', "'scanned'"]
    ) }} as measurement_id,
    versions.component_id as skill_id,
    cast(null as varchar) as session_id,
    versions.measured_at,
    versions.last_seen_at,
    versions.file_path,
    versions.file_type,
    versions.file_role,
    versions.content_hash,
    versions.body_hash,
    coalesce(weights.token_method, 'estimated') as token_method,
    case when weights.token_method is null then 'estimated' else 'observed' end as provenance,
    versions.line_count,
    versions.word_count,
    versions.char_count,
    cast(
        coalesce(weights.tokens, round(coalesce(versions.char_count, 0) * rates.tokens_per_character))
        as bigint
    ) as estimated_tokens,
    versions.sight_count,
    cast(coalesce(shown.session_count, 0) as bigint) as session_count,
    versions._source_path,
    versions._batch_id
from {{ ref('int_component_version') }} as versions
inner join {{ ref('int_token_rate') }} as rates
    on rates.component_type = 'skill' and {{ rate_applies('rates', 'versions.measured_at') }}
left join {{ ref('int_body_weight') }} as weights
    on weights.skill_name = versions.component_name
    and weights.version_hash = versions.body_hash
    and versions.file_role = 'main'
left join (
    select skill_name, version_hash as body_hash, count(distinct session_id) as session_count
    from {{ ref('int_skill_body') }}
    group by skill_name, version_hash
) as shown
    on shown.skill_name = versions.component_name
    and shown.body_hash = versions.body_hash
    and versions.file_role = 'main'
where versions.component_type = 'skill'

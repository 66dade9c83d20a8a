{#- The authors of the format recommend less than 5,000 for a body. #}
{%- set skill_token_budget = var('skill_token_budget', 4000) %}

-- The newest content of each file of a skill; without a file on disk, the newest body in conversations.
with measurements as (
    select
        measurements.*,
        bool_or(measurements.file_role <> 'body') over (partition by measurements.skill_id) as has_files,
        row_number() over (
            partition by measurements.skill_id, measurements.file_path, measurements.file_role = 'body'
            order by measurements.last_seen_at desc nulls last, measurements.content_hash
        ) as newest_rank
    from {{ ref('fact_content_measurement') }} as measurements
),

current_files as (
    select *
    from measurements
    where newest_rank = 1 and (file_role <> 'body' or not has_files)
),

-- A skill in several folders (projects, worktrees) loads only once: the newest folder counts.
folders as (
    select
        *,
        dense_rank() over (
            partition by skill_id, file_role = 'body'
            order by
                case when file_role = 'body' then last_seen_at end desc nulls last,
                case when file_role = 'body' then file_path end
        ) as folder_rank
    from current_files
)

select
    folders.skill_id,
    skills.skill_name,
    min(case when folders.file_role in ('main', 'body') then folders.token_method end) as body_token_method,
    cast(
        sum(case when folders.file_role in ('main', 'body') then folders.estimated_tokens else 0 end)
        as bigint
    ) as body_tokens,
    cast(sum(case when folders.file_role = 'reference' then folders.estimated_tokens else 0 end) as bigint)
        as reference_tokens,
    cast(sum(case when folders.file_role = 'script' then folders.estimated_tokens else 0 end) as bigint)
        as script_tokens,
    cast(sum(folders.estimated_tokens) as bigint) as total_tokens,
    cast(sum(case when folders.file_role in ('main', 'body') then folders.line_count else 0 end) as bigint)
        as body_lines,
    count(*) as file_count,
    {{ skill_token_budget }} as budget_tokens,
    sum(case when folders.file_role in ('main', 'body') then folders.estimated_tokens else 0 end)
    > {{ skill_token_budget }}
        as over_budget
from folders
inner join {{ ref('dim_skill') }} as skills on skills.skill_id = folders.skill_id
where folders.folder_rank = 1
group by folders.skill_id, skills.skill_name

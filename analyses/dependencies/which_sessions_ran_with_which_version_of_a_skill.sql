-- Which sessions ran with which version of a skill?
select
    skills.skill_name, uses.version_number, uses.skill_version, uses.session_id, uses.first_loaded_at,
    uses.is_latest
from {{ ref('skill_version_use') }} as uses
inner join {{ ref('dim_skill') }} as skills on skills.skill_id = uses.skill_id
order by skills.skill_name, uses.version_number, uses.first_loaded_at

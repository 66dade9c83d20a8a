-- All prompts by a specific user in a date range
-- The inner query selects the most frequent user: replace it with a user of your choice.
-- The range is the last two weeks of the store: replace it with your own dates.
select p.prompted_at, p.prompt_text, r.response_text
from {{ ref('fact_prompt') }} as p
left join {{ ref('fact_response') }} as r on r.prompt_id = p.prompt_id
where
    p.user_id = (
        select user_id
        from {{ ref('fact_prompt') }}
        group by user_id
        order by count(*) desc, user_id
        limit 1
    )
    and p.prompted_at between (select max(prompted_at) from {{ ref('fact_prompt') }}) - interval '14 days'
    and (select max(prompted_at) from {{ ref('fact_prompt') }})
order by p.prompted_at

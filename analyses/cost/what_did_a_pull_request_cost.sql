-- What did each pull request cost, and how many commits were made on its branch?
select
    prs.pr_url,
    prs.session_count,
    prs.cost_usd,
    count(commits.commit_sha) as commits,
    sum(commits.cost_usd) as cost_of_commits
from {{ ref('v_cost_by_pr') }} as prs
left join {{ ref('v_cost_by_commit') }} as commits on commits.git_branch = prs.git_branch
group by all
order by prs.cost_usd desc nulls last

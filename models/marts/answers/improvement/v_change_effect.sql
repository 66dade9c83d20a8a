-- Costs and durations are compared as ratios of geometric means, the exponential of a difference of logarithms.
with bounded as (
    select
        * exclude (before_mean, after_mean, margin),
        measure in ('cost_usd', 'duration_seconds') as is_ratio,
        -- A difference of a few tasks would be read as one.
        case when is_shown then before_mean end as before_mean,
        case when is_shown then after_mean end as after_mean,
        case when is_shown then after_mean - before_mean end as difference,
        case when is_shown then margin end as margin
    from (
        select *, least(before_count, after_count) >= {{ var('change_effect_shown_tasks') }} as is_shown
        from {{ ref('fact_change_estimate') }}
    ) as estimates
),

judged as (
    select
        *,
        -- Up is good for success, down for the rest.
        case when measure = 'success' then difference - margin else -difference - margin end as least_gain,
        case when measure = 'success' then -difference - margin else difference - margin end as least_loss,
        least(before_count, after_count) >= {{ var('change_effect_tasks') }}
        and least(before_session_count, after_session_count) >= {{ var('change_effect_sessions') }} as is_enough,
        case measure
            when 'success' then {{ var('change_effect_smallest_share') }}
            when 'corrections' then {{ var('change_effect_smallest_corrections') }}
            else ln({{ var('change_effect_smallest_ratio') }})
        end as smallest_effect
    from bounded
)

select
    judged.change_id,
    changes.component_id,
    changes.changed_at,
    changes.component_name,
    changes.component_type,
    changes.version_before,
    changes.version_after,
    changes.change_basis,
    judged.measure,
    case judged.measure
        when 'success' then 'share of tasks' when 'cost_usd' then 'USD per task'
        when 'duration_seconds' then 'seconds per task' else 'per task'
    end as unit,
    case when judged.is_ratio then 'ratio' else 'difference' end as difference_type,
    case
        when judged.is_enough and judged.least_gain > 0 then 'helped'
        when judged.is_enough and judged.least_loss > 0 then 'hurt'
        else 'not enough to tell'
    end as verdict,
    changes.evidence,
    case when judged.is_ratio then 'ratio of geometric means' else 'difference of means' end
    || ' within strata, interval by leaving out '
    || case when changes.change_basis = 'plugin_eval' then 'runs' else 'sessions' end as method,
    judged.before_task_count,
    judged.after_task_count,
    judged.unknown_count,
    judged.before_count,
    judged.after_count,
    judged.before_session_count,
    judged.after_session_count,
    judged.strata_count,
    cast({{ var('change_effect_tasks') }} as bigint) as minimum_count,
    cast({{ var('change_effect_sessions') }} as bigint) as minimum_session_count,
    -- Tasks per side that show the smallest effect of interest in four of five cases: (1.645 + 0.842)^2 = 6.183.
    case
        when judged.task_variance < 1e9
            then cast(greatest(
                ceil(2 * 6.183 * judged.task_variance / power(judged.smallest_effect, 2)),
                {{ var('change_effect_tasks') }}
            ) as bigint)
    end as needed_count,
    case when judged.is_ratio then exp(judged.before_mean) else judged.before_mean end as before_mean,
    case when judged.is_ratio then exp(judged.after_mean) else judged.after_mean end as after_mean,
    case when judged.is_ratio then exp(judged.difference) else judged.difference end as difference,
    case
        when judged.margin is null then null
        when judged.is_ratio then exp(greatest(judged.difference - judged.margin, -300))
        when judged.measure = 'success' then greatest(judged.difference - judged.margin, -1)
        else judged.difference - judged.margin
    end as difference_low,
    case
        when judged.margin is null then null
        when judged.is_ratio then exp(least(judged.difference + judged.margin, 300))
        when judged.measure = 'success' then least(judged.difference + judged.margin, 1)
        else judged.difference + judged.margin
    end as difference_high
from judged
inner join {{ ref('dim_component_change') }} as changes on changes.change_id = judged.change_id

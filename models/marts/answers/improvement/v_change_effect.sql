{#- Fewer tasks on a side show no difference: one unusual task would make it. #}
{%- set shown_tasks = var('change_effect_shown_tasks', 5) %}
{#- The smallest effects worth knowing, for the number of tasks that it takes: ten points of success, a fifth
    of cost or time, one correction in five tasks. #}
{%- set smallest_share = var('change_effect_smallest_share', 0.1) %}
{%- set smallest_ratio = var('change_effect_smallest_ratio', 1.2) %}
{%- set smallest_corrections = var('change_effect_smallest_corrections', 0.2) %}

-- Costs and durations are compared as ratios of geometric means, the exponential of a difference of
-- logarithms. A difference of a few tasks is not shown: it would be read as one.
with shown as (
    select
        * exclude (before_mean, after_mean, margin),
        measure in ('cost_usd', 'duration_seconds') as is_ratio,
        case when is_shown then before_mean end as before_mean,
        case when is_shown then after_mean end as after_mean,
        case when is_shown then after_mean - before_mean end as difference,
        case when is_shown then after_mean - before_mean - margin end as low,
        case when is_shown then after_mean - before_mean + margin end as high
    from (
        select *, least(before_count, after_count) >= {{ shown_tasks }} as is_shown
        from {{ ref('fact_change_estimate') }}
    ) as estimates
),

-- Six digits, since further ones are arithmetic noise; greatest and least would turn NULL into a number.
bounded as (
    select
        *,
        case
            when low is null then null
            when is_ratio then round(exp(greatest(low, -300)), 6)
            when measure = 'success' then round(greatest(low, -1), 6)
            else round(low, 6)
        end as difference_low,
        case
            when high is null then null
            when is_ratio then round(exp(least(high, 300)), 6)
            when measure = 'success' then round(least(high, 1), 6)
            else round(high, 6)
        end as difference_high,
        case when is_ratio then 1 else 0 end as no_effect,
        least(before_count, after_count) >= {{ var('change_effect_tasks') }}
        and least(before_session_count, after_session_count) >= {{ var('change_effect_sessions') }}
            as is_enough,
        case measure
            when 'success' then {{ smallest_share }}
            when 'corrections' then {{ smallest_corrections }}
            else ln({{ smallest_ratio }})
        end as smallest_effect
    from shown
)

select
    bounded.change_id,
    changes.component_id,
    changes.changed_at,
    changes.component_name,
    changes.component_type,
    changes.version_before,
    changes.version_after,
    changes.change_basis,
    bounded.measure,
    case bounded.measure
        when 'success' then 'share of tasks' when 'cost_usd' then 'USD per task'
        when 'duration_seconds' then 'seconds per task' else 'per task'
    end as unit,
    case when bounded.is_ratio then 'ratio' else 'difference' end as difference_type,
    -- Up is good for success, down for the rest.
    case
        when bounded.is_enough and bounded.difference_low > bounded.no_effect
            then case when bounded.measure = 'success' then 'helped' else 'hurt' end
        when bounded.is_enough and bounded.difference_high < bounded.no_effect
            then case when bounded.measure = 'success' then 'hurt' else 'helped' end
        else 'not enough to tell'
    end as verdict,
    changes.evidence,
    case when bounded.is_ratio then 'ratio of geometric means' else 'difference of means' end
    || ' within strata, interval by leaving out '
    || case when changes.change_basis = 'plugin_eval' then 'runs' else 'sessions' end as method,
    bounded.before_task_count,
    bounded.after_task_count,
    bounded.unknown_count,
    bounded.before_count,
    bounded.after_count,
    bounded.before_session_count,
    bounded.after_session_count,
    bounded.strata_count,
    cast({{ var('change_effect_tasks') }} as bigint) as minimum_count,
    cast({{ var('change_effect_sessions') }} as bigint) as minimum_session_count,
    -- Tasks per side that show the smallest effect of interest in four of five cases: 6.183 is the square of
    -- 1.645 + 0.842.
    case
        when bounded.task_variance < 1e9
            then cast(greatest(
                ceil(2 * 6.183 * bounded.task_variance / power(bounded.smallest_effect, 2)),
                {{ var('change_effect_tasks') }}
            ) as bigint)
    end as needed_count,
    case when bounded.is_ratio then exp(bounded.before_mean) else bounded.before_mean end as before_mean,
    case when bounded.is_ratio then exp(bounded.after_mean) else bounded.after_mean end as after_mean,
    round(case when bounded.is_ratio then exp(bounded.difference) else bounded.difference end, 6)
        as difference,
    bounded.difference_low,
    bounded.difference_high
from bounded
inner join {{ ref('dim_component_change') }} as changes on changes.change_id = bounded.change_id

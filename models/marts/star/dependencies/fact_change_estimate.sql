-- Tasks before and after a change are compared within strata (project, task type, model) and averaged with
-- the weights n1 * n2 / (n1 + n2): the most precise average if all tasks scatter alike, and the least moved
-- by strata with few tasks on one side. Tasks of a session are not independent: the interval comes from
-- leaving out each session in turn.
with tasks as (
    select
        change_id,
        concat_ws(chr(31), coalesce(project_path, ''), coalesce(task_type, ''), coalesce(model_id, ''))
            as stratum,
        coalesce(session_id, trial_id) as session_id,
        is_after,
        success,
        cost_usd,
        duration_seconds,
        correction_count
    from {{ ref('fact_change_task') }}
),

-- Costs and durations are skewed: their logarithms are compared. The log has whole seconds.
measured as (
    select change_id, stratum, session_id, is_after, 'success' as measure, cast(success as double) as value
    from tasks
    union all
    select
        change_id,
        stratum,
        session_id,
        is_after,
        'cost_usd',
        case when cost_usd > 0 and isfinite(cost_usd) then ln(cost_usd) end
    from tasks
    union all
    select
        change_id,
        stratum,
        session_id,
        is_after,
        'duration_seconds',
        case when duration_seconds >= 0 then ln(greatest(duration_seconds, 1)) end
    from tasks
    union all
    select change_id, stratum, session_id, is_after, 'corrections', cast(correction_count as double)
    from tasks
),

counted as (
    select
        change_id,
        measure,
        count(*) filter (where not is_after) as before_task_count,
        count(*) filter (where is_after) as after_task_count,
        count(*) filter (where value is null) as unknown_count,
        -- With one side only, the scatter of the other is the best guess.
        coalesce(
            (
                var_samp(value) filter (where is_after) + var_samp(value) filter (where not is_after)
            ) / 2, var_samp(value) filter (where is_after), var_samp(value) filter (where not is_after)
        ) as plain_variance
    from measured
    group by change_id, measure
),

strata as (
    select
        change_id,
        measure,
        stratum,
        count(*) filter (where not is_after) as before_count,
        count(*) filter (where is_after) as after_count,
        sum(value) filter (where not is_after) as before_sum,
        sum(value) filter (where is_after) as after_sum
    from measured
    where value is not null
    group by change_id, measure, stratum
    having count(*) filter (where is_after) > 0 and count(*) filter (where not is_after) > 0
),

weighed as (
    select
        *,
        before_count * after_count / cast(before_count + after_count as double) as weight,
        before_sum / before_count as before_mean,
        after_sum / after_count as after_mean
    from strata
),

estimates as (
    select
        change_id,
        measure,
        count(*) as strata_count,
        cast(sum(before_count) as bigint) as before_count,
        cast(sum(after_count) as bigint) as after_count,
        sum(before_sum) as before_sum,
        sum(after_sum) as after_sum,
        sum(weight) as weight,
        sum(weight * (after_mean - before_mean)) as weighted_difference,
        sum(weight * before_mean) / sum(weight) as before_mean,
        sum(weight * after_mean) / sum(weight) as after_mean,
        sum(weight * weight / before_count) / power(sum(weight), 2) as before_spread,
        sum(weight * weight / after_count) / power(sum(weight), 2) as after_spread
    from weighed
    group by change_id, measure
),

session_parts as (
    select
        measured.change_id,
        measured.measure,
        measured.stratum,
        measured.session_id,
        count(*) filter (where not measured.is_after) as before_count,
        count(*) filter (where measured.is_after) as after_count,
        coalesce(sum(measured.value) filter (where not measured.is_after), 0) as before_sum,
        coalesce(sum(measured.value) filter (where measured.is_after), 0) as after_sum
    from measured
    inner join strata
        on strata.change_id = measured.change_id and strata.measure = measured.measure
        and strata.stratum = measured.stratum
    where measured.value is not null
    group by measured.change_id, measured.measure, measured.stratum, measured.session_id
),

-- What a stratum would weigh and differ by without the session; without any task of one side, nothing.
remaining as (
    select
        parts.change_id,
        parts.measure,
        parts.session_id,
        parts.before_count,
        parts.after_count,
        strata.weight,
        strata.after_mean - strata.before_mean as difference,
        case
            when strata.before_count > parts.before_count and strata.after_count > parts.after_count
                then (strata.before_count - parts.before_count) * (strata.after_count - parts.after_count)
                / cast(
                    strata.before_count - parts.before_count
                    + strata.after_count - parts.after_count as double
                )
            else 0
        end as weight_left,
        case
            when strata.before_count > parts.before_count and strata.after_count > parts.after_count
                then (strata.after_sum - parts.after_sum) / (strata.after_count - parts.after_count)
                - (strata.before_sum - parts.before_sum) / (strata.before_count - parts.before_count)
            else 0
        end as difference_left
    from session_parts as parts
    inner join weighed as strata
        on strata.change_id = parts.change_id and strata.measure = parts.measure
        and strata.stratum = parts.stratum
),

sessions as (
    select
        remaining.change_id,
        remaining.measure,
        remaining.session_id,
        case
            when sum(remaining.after_count) = 0 then 'before'
            when sum(remaining.before_count) = 0 then 'after'
            else 'both'
        end as side,
        max(estimates.weighted_difference / estimates.weight) as difference,
        max(estimates.weighted_difference)
        + sum(remaining.weight_left * remaining.difference_left - remaining.weight * remaining.difference)
            as weighted_difference_left,
        max(estimates.weight) + sum(remaining.weight_left - remaining.weight) as weight_left
    from remaining
    inner join estimates
        on estimates.change_id = remaining.change_id and estimates.measure = remaining.measure
    group by remaining.change_id, remaining.measure, remaining.session_id
),

-- Sessions with tasks on both sides are few: one more or less makes no difference to their part.
side_variances as (
    select
        change_id,
        measure,
        side,
        count(*) as session_count,
        count(*) filter (where weight_left <= 1e-9) as indispensable_count,
        sum(power(weighted_difference_left / nullif(weight_left, 0) - difference, 2))
        * case when side = 'both' then 1 else (count(*) - 1) / cast(count(*) as double) end as variance
    from sessions
    group by change_id, measure, side
),

variances as (
    select
        change_id,
        measure,
        cast(sum(session_count) filter (where side <> 'after') as bigint) as before_session_count,
        cast(sum(session_count) filter (where side <> 'before') as bigint) as after_session_count,
        sum(indispensable_count) as indispensable_count,
        sum(variance) as variance,
        power(sum(variance), 2)
        / nullif(sum(power(variance, 2) / greatest(session_count - 1, 1)), 0) as degrees
    from side_variances
    group by change_id, measure
),

-- Few tasks that all ended alike do not prove that all others will: the variance is at least that of one more
-- success and one more failure on each side, or of one more correction.
floored as (
    select
        estimates.*,
        variances.before_session_count,
        variances.after_session_count,
        coalesce(
            variances.degrees,
            least(variances.before_session_count, variances.after_session_count) - 1
        ) as degrees,
        case
            when
                variances.indispensable_count > 0 or variances.before_session_count < 2
                or variances.after_session_count < 2 then null
            when estimates.measure = 'success'
                then greatest(
                    variances.variance,
                    estimates.before_spread * (estimates.before_sum + 1)
                    * (estimates.before_count - estimates.before_sum + 1)
                    / power(estimates.before_count + 2, 2)
                    + estimates.after_spread * (estimates.after_sum + 1)
                    * (estimates.after_count - estimates.after_sum + 1) / power(estimates.after_count + 2, 2)
                )
            when estimates.measure = 'corrections'
                then greatest(
                    variances.variance,
                    (estimates.before_spread + estimates.after_spread)
                    * (estimates.before_sum + estimates.after_sum + 1)
                    / (estimates.before_count + estimates.after_count)
                )
            else variances.variance
        end as variance
    from estimates
    inner join variances
        on variances.change_id = estimates.change_id and variances.measure = estimates.measure
)

select
    counted.change_id,
    counted.measure,
    counted.before_task_count,
    counted.after_task_count,
    counted.unknown_count,
    coalesce(floored.before_count, 0) as before_count,
    coalesce(floored.after_count, 0) as after_count,
    coalesce(floored.before_session_count, 0) as before_session_count,
    coalesce(floored.after_session_count, 0) as after_session_count,
    coalesce(floored.strata_count, 0) as strata_count,
    round(floored.before_mean, 9) as before_mean,
    round(floored.after_mean, 9) as after_mean,
    round({{ t_quantile_95('floored.degrees') }} * sqrt(floored.variance), 9) as margin,
    -- The variance of one task's value, with what strata and sessions add to it. Nobody knows it from a few
    -- tasks; that of a share is never more than a quarter.
    round(
        case
            when
                counted.before_task_count + counted.after_task_count - counted.unknown_count
                < {{ var('change_effect_tasks') }}
                then case when counted.measure = 'success' then 0.25 end
            when floored.variance > 0
                then floored.variance / (1.0 / floored.before_count + 1.0 / floored.after_count)
            when counted.measure = 'success' then 0.25
            else nullif(counted.plain_variance, 0)
        end, 9
    ) as task_variance
from counted
left join floored on floored.change_id = counted.change_id and floored.measure = counted.measure

-- What contexts carry, and what dropping a part would save. Executed when the store is published.

create or replace macro context_diet(since := null, until := null, projects := null) as table
with chosen as materialized (
    select d.*
    from v_context_diet as d
    where is_within(d.usage_date, since, until) and (projects is null or list_contains(projects, d.project_name))
),
totals as (
    select
        count(distinct session_id) as total_session_count,
        max(least_session_count) as least_session_count,
        sum(cost_usd) as total_usd
    from chosen
),
counted as (
    select part_kind, part_name, count(distinct session_id) >= max(least_session_count) as is_shown
    from chosen
    group by part_kind, part_name
),
named as (
    select
        chosen.*,
        case when counted.is_shown then chosen.part_kind else 'rare' end as shown_kind,
        case when counted.is_shown then chosen.part_name end as shown_name,
        counted.is_shown
    from chosen
    inner join counted
        on counted.part_kind = chosen.part_kind and counted.part_name is not distinct from chosen.part_name
),
summed as (
    select
        shown_kind as part_kind,
        shown_name as part_name,
        bool_and(is_shown) as is_shown,
        case when bool_and(is_shown) then min(use_basis) end as use_basis,
        count(distinct concat_ws(chr(31), part_kind, part_name)) as part_count,
        count(distinct session_id) as session_count,
        count(distinct session_id) filter (where is_used is not null) as tested_session_count,
        count(distinct session_id) filter (where is_used) as used_session_count,
        min(usage_date) as first_date,
        max(usage_date) as last_date,
        sum(entry_count) as entry_count,
        sum(entered_tokens) as entered_tokens,
        sum(carried_tokens) as carried_tokens,
        sum(entry_cost_usd) as entry_cost_usd,
        sum(read_cost_usd) as read_cost_usd,
        sum(rebilled_cost_usd) as rebilled_cost_usd,
        sum(miss_extra_cost_usd) as miss_extra_cost_usd,
        sum(cost_usd) as cost_usd,
        sum(band_saved_usd) as band_saved_usd,
        sum(saved_usd) as saved_usd,
        sum(exact_saved_usd) as exact_saved_usd,
        sum(estimated_saved_usd) as estimated_saved_usd
    from named
    group by shown_kind, shown_name
),
-- As in the suggestions: calendar months with use, from the first in which the part was carried.
months as (
    select distinct date_trunc('month', usage_date) as active_month from chosen where usage_date is not null
),
by_month as (
    select summed.part_kind, summed.part_name, greatest(count(months.active_month), 1) as month_count
    from summed
    left join months on months.active_month >= coalesce(date_trunc('month', summed.first_date), months.active_month)
    group by summed.part_kind, summed.part_name
)
select
    summed.part_kind,
    summed.part_name,
    case when summed.is_shown and summed.part_kind = 'memory_file' then (
        select list(
            struct_pack(
                section_number := s.section_number, heading := s.heading, heading_level := s.heading_level,
                characters := s.characters, tokens_per_session := s.characters_ratio * summed.entered_tokens / summed.session_count,
                cost_usd := s.characters_ratio * summed.cost_usd,
                saved_usd_per_month := s.characters_ratio * summed.saved_usd / by_month.month_count
            ) order by s.section_number
        )
        from dim_instruction_section as s
        where s.file_path = summed.part_name
    ) end as sections,
    cast(summed.part_count as bigint) as part_count,
    cast(summed.session_count as bigint) as session_count,
    cast(totals.total_session_count as bigint) as total_session_count,
    cast(case when summed.use_basis is not null then summed.tested_session_count end as bigint) as tested_session_count,
    cast(case when summed.use_basis is not null then summed.used_session_count end as bigint) as used_session_count,
    summed.use_basis,
    summed.first_date,
    summed.last_date,
    cast(by_month.month_count as bigint) as month_count,
    cast(summed.entry_count as bigint) as entry_count,
    cast(summed.entered_tokens as bigint) as entered_tokens,
    cast(summed.carried_tokens as bigint) as carried_tokens,
    summed.entered_tokens / summed.session_count as tokens_per_session,
    summed.entry_cost_usd,
    summed.read_cost_usd,
    summed.rebilled_cost_usd,
    summed.miss_extra_cost_usd,
    summed.cost_usd,
    summed.cost_usd / by_month.month_count as cost_usd_per_month,
    summed.cost_usd / nullif(totals.total_usd, 0) as cost_ratio,
    totals.total_usd as total_cost_usd,
    sum(summed.cost_usd) over (
        order by not summed.is_shown, summed.cost_usd desc, summed.part_kind, summed.part_name
        rows between 1 following and unbounded following
    ) as rest_cost_usd,
    totals.least_session_count,
    case when summed.is_shown then summed.band_saved_usd end as band_saved_usd,
    case when summed.is_shown then summed.saved_usd end as saved_usd,
    case when summed.is_shown then summed.saved_usd / by_month.month_count end as saved_usd_per_month,
    case when summed.is_shown then summed.exact_saved_usd end as exact_saved_usd,
    case when summed.is_shown then summed.estimated_saved_usd end as estimated_saved_usd,
    case
        when not summed.is_shown or summed.saved_usd = 0 then null
        when summed.exact_saved_usd >= summed.saved_usd - 1e-9 then 'exact'
        when summed.estimated_saved_usd > summed.saved_usd / 2 then 'estimated'
        else 'shared'
    end as saving_method
from summed
inner join by_month
    on by_month.part_kind = summed.part_kind and by_month.part_name is not distinct from summed.part_name
cross join totals
order by not summed.is_shown, summed.cost_usd desc, summed.part_kind, summed.part_name;

comment on macro table context_diet is 'context_diet(since := null, until := null, projects := null): what each part of the contexts cost by entering (entry), by being carried (read) and by being billed again after cache misses (rebilled), in total and per calendar month with use, and what dropping it would have saved. The rows add up to the ledger; parts carried in fewer sessions than v_context_diet.least_session_count are one row, `rare`, without savings. saving_method: exact (all tokens measured directly), shared (measured growth, shared by length) or estimated (mostly converted from length). Savings include those of a lower price band (band_saved_usd), for which each part is taken alone. sections splits a memory file by length, where its text is known. A part counts for the day on which it entered. Example: from context_diet(since := current_date - 30)';

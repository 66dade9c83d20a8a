-- The same work at other prices. Executed when the store is published.

-- A name that is no model's stands for all models that contain it: as the replaced one for each of them, as its replacement for the
-- newest that has a price. `all` is replaced everywhere.
create or replace macro model_swaps(models) as table
with asked as (
    select
        lower(trim(split_part(swap, '=', 1))) as from_name,
        lower(trim(split_part(swap, '=', 2))) as to_name,
        swap_number
    from (
        select unnest(cast(models as varchar[])) as swap, generate_subscripts(cast(models as varchar[]), 1) as swap_number
    )
),
targets as (
    select
        asked.swap_number,
        arg_max(m.model_name, (m.model_name = asked.to_name, m.released_on, m.model_name)) as other_model_name
    from asked
    inner join dim_model as m on m.is_priced and asked.to_name <> '' and contains(m.model_name, asked.to_name)
    group by asked.swap_number
),
sources as (
    select asked.swap_number, list(m.model_name order by m.model_name) as model_names
    from asked
    inner join dim_model as m
        on asked.from_name = 'all' or m.model_name = asked.from_name
        or (
            asked.from_name <> '' and contains(m.model_name, asked.from_name)
            and asked.from_name not in (select model_name from dim_model)
        )
    group by asked.swap_number
)
select asked.swap_number, asked.from_name, asked.to_name, sources.model_names, targets.other_model_name
from asked
left join sources on sources.swap_number = asked.swap_number
left join targets on targets.swap_number = asked.swap_number
order by asked.swap_number;

comment on macro table model_swaps is 'model_swaps(models): what a list of texts A=B means: the models that A stands for (model_names) and the priced model that B stands for (other_model_name); NULL where the store knows none. Example: from model_swaps([''opus=sonnet''])';

-- What the work of a period would have cost under other assumptions. What follows from the log alone (the price of the same tokens, the
-- replayed pauses) is in exact_cost_usd; what another model would have cost is in what_if_cost_usd, as if it had taken as many tokens.
create or replace macro what_if(
    since := null, until := null, projects := null, models := null, cache_lifetime := null, speed := null, tier := null,
    priced_on := null, min_count := 20
) as table
with replaced as materialized (
    select model_name, arg_min(other_model_name, swap_number) as other_model_name
    from (select swap_number, other_model_name, unnest(model_names) as model_name from model_swaps(models))
    where other_model_name is not null
    group by model_name
),
fast_models as materialized (
    select distinct model_name from dim_model_price where speed = 'fast'
),
used as materialized (
    select
        i.inference_id,
        i.call_id,
        i.session_id,
        i.is_answer,
        m.model_name,
        r.other_model_name,
        coalesce(r.other_model_name, m.model_name) as scenario_model_name,
        case when starts_with(i.inference_type, 'advisor') then i.speed else coalesce(speed, i.speed) end as own_speed,
        -- Fast mode does not apply to an adviser. A model that has none runs as usual in place of one that ran fast.
        case
            when speed is null and i.speed = 'fast' and r.other_model_name not in (select model_name from fast_models) then 'standard'
            else own_speed
        end as scenario_speed,
        coalesce(cast(priced_on as date), cast(i.called_at as date), date '2024-01-01') as scenario_date,
        coalesce(c.inference_geo, '') = 'us' as is_us,
        coalesce(tier, c.service_tier, '') = 'batch' as is_batch,
        i.context_tokens,
        i.output_tokens,
        i.web_search_count,
        i.cost_usd,
        cache_lifetime is not null and l.is_replayed as is_replayed,
        case cache_lifetime
            when 'none'
                then i.uncached_input_tokens + i.cache_read_tokens + i.cache_write_5m_tokens + i.cache_write_1h_tokens
            when '1h' then coalesce(l.uncached_input_tokens_if_1h, i.uncached_input_tokens)
            else i.uncached_input_tokens
        end as uncached_input_tokens,
        case cache_lifetime
            when 'none' then 0
            when '5m' then coalesce(l.cache_read_tokens_if_5m, i.cache_read_tokens)
            when '1h' then coalesce(l.cache_read_tokens_if_1h, i.cache_read_tokens)
            else i.cache_read_tokens
        end as cache_read_tokens,
        case cache_lifetime
            when 'none' then 0
            when '5m' then coalesce(l.cache_write_tokens_if_5m, i.cache_write_5m_tokens + i.cache_write_1h_tokens)
            when '1h' then 0
            else i.cache_write_5m_tokens
        end as cache_write_5m_tokens,
        case cache_lifetime
            when 'none' then 0
            when '5m' then 0
            when '1h' then coalesce(l.cache_write_tokens_if_1h, i.cache_write_5m_tokens + i.cache_write_1h_tokens)
            else i.cache_write_1h_tokens
        end as cache_write_1h_tokens,
        case cache_lifetime when '5m' then coalesce(l.uncertain_tokens_if_5m, 0) else 0 end as uncertain_tokens
    from fact_inference as i
    inner join fact_api_call as c on c.call_id = i.call_id
    inner join dim_model as m on m.model_id = i.model_id
    left join replaced as r on r.model_name = m.model_name
    left join fact_cache_lifetime as l on l.call_id = i.call_id and i.is_answer
    where
        is_within(i.called_local_date, since, until)
        and (projects is null or i.session_id in (select s.session_id from sessions_of(projects) as s))
),
-- The prices of each day, with the bands by the size of the context: the highest that it exceeds applies, as for the cost itself.
rates as materialized (
    select
        p.*,
        asked.scenario_date,
        case p.prompt_tokens_above when 0 then -1 else p.prompt_tokens_above end as above,
        lead(p.prompt_tokens_above) over (
            partition by p.model_name, p.speed, asked.scenario_date order by p.prompt_tokens_above
        ) as up_to
    from (
        select model_name, own_speed as speed, scenario_date from used
        union
        select scenario_model_name, scenario_speed, scenario_date from used
    ) as asked
    inner join dim_model_price as p
        on p.model_name = asked.model_name
        and p.speed = asked.speed
        and asked.scenario_date >= p.valid_from
        and (p.valid_to is null or asked.scenario_date < p.valid_to)
),
costs as (
    select
        u.inference_id,
        rates.model_name,
        (
            u.uncached_input_tokens * rates.input_usd_per_mtok + u.cache_read_tokens * rates.cache_read_usd_per_mtok
            + u.cache_write_5m_tokens * rates.cache_write_5m_usd_per_mtok
            + u.cache_write_1h_tokens * rates.cache_write_1h_usd_per_mtok + u.output_tokens * rates.output_usd_per_mtok
        )
        * case when u.is_us then rates.us_inference_multiplier else 1 end
        * case when u.is_batch then rates.batch_multiplier else 1 end / 1e6
        + u.web_search_count * rates.web_search_usd as cost_usd,
        u.uncertain_tokens * (rates.cache_write_5m_usd_per_mtok - rates.cache_read_usd_per_mtok)
        * case when u.is_us then rates.us_inference_multiplier else 1 end
        * case when u.is_batch then rates.batch_multiplier else 1 end / 1e6 as uncertain_usd
    from (
        select *, model_name as priced_model_name, own_speed as priced_speed from used
        union all
        select *, scenario_model_name, scenario_speed from used where scenario_model_name <> model_name
    ) as u
    inner join rates
        on rates.model_name = u.priced_model_name
        and rates.speed = u.priced_speed
        and rates.scenario_date = u.scenario_date
        and u.context_tokens > rates.above
        and (rates.up_to is null or u.context_tokens <= rates.up_to)
),
priced as (
    select
        u.*,
        -- Without a price under these assumptions, the cost is what it was; what has no known cost cannot be compared.
        case when u.cost_usd is not null then coalesce(own.cost_usd, u.cost_usd) end as exact_cost_usd,
        case when u.cost_usd is not null then coalesce(other.cost_usd, own.cost_usd, u.cost_usd) end as what_if_cost_usd,
        case when u.cost_usd is not null then coalesce(other.uncertain_usd, 0) end as uncertain_usd,
        u.cost_usd is null or other.cost_usd is null as is_unchanged
    from used as u
    left join costs as own on own.inference_id = u.inference_id and own.model_name = u.model_name
    left join costs as other on other.inference_id = u.inference_id and other.model_name = u.scenario_model_name
),
summed as (
    select
        coalesce(model_name, 'all') as model_name,
        case when grouping(model_name) = 1 then null else coalesce(other_model_name, model_name) end as other_model_name,
        grouping(model_name) = 1 as is_total,
        count(*) filter (where is_answer and other_model_name <> model_name) as other_response_count,
        sum(exact_cost_usd) filter (where other_model_name <> model_name) / nullif(
            sum(what_if_cost_usd) filter (where other_model_name <> model_name), 0
        ) as break_even_ratio,
        count(distinct session_id) as session_count,
        count(*) filter (where is_answer) as response_count,
        count(*) filter (where is_unchanged) as unpriced_count,
        count(*) filter (where is_replayed) as replayed_count,
        sum(context_tokens) as context_tokens,
        sum(output_tokens) as output_tokens,
        sum(cost_usd) as cost_usd,
        sum(exact_cost_usd) as exact_cost_usd,
        sum(what_if_cost_usd) as what_if_cost_usd,
        sum(uncertain_usd) as uncertain_usd
    from priced
    group by grouping sets ((model_name, other_model_name), ())
)
select
    model_name,
    other_model_name,
    session_count,
    response_count,
    unpriced_count,
    replayed_count,
    context_tokens,
    output_tokens,
    cost_usd,
    exact_cost_usd,
    what_if_cost_usd,
    round(cost_usd - exact_cost_usd, 9) as exact_saved_usd,
    round(exact_cost_usd - what_if_cost_usd, 9) as assumed_saved_usd,
    round(cost_usd - what_if_cost_usd, 9) as saved_usd,
    round(cost_usd - what_if_cost_usd, 9) / nullif(cost_usd, 0) as saved_ratio,
    uncertain_usd,
    -- With fewer responses, a comparison of two models says nothing about the next ones.
    case when other_response_count >= min_count then break_even_ratio end as break_even_ratio
from summed
where response_count > 0 or not is_total
order by is_total desc, cost_usd desc nulls last, model_name, other_model_name;

comment on macro table what_if is 'what_if(since := null, until := null, projects := null, models := null, cache_lifetime := null, speed := null, tier := null, priced_on := null, min_count := 20): what the work of a period would have cost with other models (a list such as [''opus=sonnet'']), another cache lifetime (''5m'', ''1h'', ''none''), speed (''fast'', ''standard''), tier (''batch'', ''standard''), or at the prices of one day. One row per model, and one for all. exact_cost_usd has the same models: the price of the same tokens, with real pauses replayed for another cache lifetime. what_if_cost_usd also has the other models, as if they had taken as many tokens; break_even_ratio is how many times the tokens they could take before they cost as much (NULL below min_count responses). uncertain_usd is what could be added at five minutes where it is unknown whether another session kept the system prompt cached. unpriced_count inferences have no price, as they were or under these assumptions: their cost stays as it was. Example: from what_if(models := [''opus=sonnet''])';

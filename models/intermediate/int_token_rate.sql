-- The dated rates of the seed with the time for which each applies. They are an input: the estimates of one
-- session do not depend on the other sessions in the store.
with rates as (
    select * from {{ ref('token_rates') }}
),

types as (
    select
        listed.component_type,
        coalesce(own.component_type, 'any') as rated_type
    from (
        values ('skill'), ('command'), ('agent'), ('reference_file'), ('hook'), ('plugin')
    ) as listed (component_type)
    left join (select distinct component_type from rates) as own
        on own.component_type = listed.component_type
)

select
    types.component_type,
    rates.effective_date,
    -- The first rate also applies before its date, and where the time is unknown.
    case
        when row_number() over (partition by types.component_type order by rates.effective_date) = 1
            then timestamp '0001-01-01 00:00:00'
        else cast(rates.effective_date as timestamp)
    end as valid_from,
    cast(
        coalesce(
            lead(rates.effective_date) over (
                partition by types.component_type order by rates.effective_date
            ),
            date '9999-12-31'
        ) as timestamp
    ) as valid_to,
    case
        when types.rated_type = 'any' and rates.rate_method = 'measured' then 'measured_elsewhere'
        else rates.rate_method
    end as rate_method,
    rates.tokens_per_character
from types
left join rates on rates.component_type = types.rated_type

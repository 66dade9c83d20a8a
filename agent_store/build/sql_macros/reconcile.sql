-- The provider's report beside the store. Executed when the store is published.

-- The whole difference of a period, and its parts by cause, which add up to it.
create or replace macro provider_difference(since := null, until := null) as table
with rows_of_period as (
    select * from v_provider_reconciliation as r where is_within(r.usage_date, since, until)
),
causes as (
    unpivot (
        select
            count(distinct usage_date) as day_count,
            sum(our_usd) as ours,
            sum(their_usd) as theirs,
            sum(elsewhere_usd) as "no use here",
            sum(rounding_usd) as "rounding to cents",
            sum(price_usd) as "other prices",
            sum(unfinished_output_usd) as "output not final",
            sum(hidden_request_usd) as "hidden requests",
            sum(incomplete_day_usd) as "incomplete days",
            sum(not_billed_usd) as "not billed there",
            sum(unexplained_usd) as "not explained"
        from rows_of_period
    )
    on "no use here", "rounding to cents", "other prices", "output not final", "hidden requests", "incomplete days",
        "not billed there", "not explained"
    into name cause value difference_usd
)
select
    cause,
    cause in ('no use here', 'other prices') as is_exact,
    day_count,
    ours as our_usd,
    theirs as their_usd,
    difference_usd
from causes
where day_count > 0
order by abs(difference_usd) desc, cause;

comment on macro table provider_difference is 'provider_difference(since := null, until := null): by cause, how far the provider''s report is from ours on the days that it covers: no use here (other machines or tools), rounding to cents, other prices, output not final, hidden requests, incomplete days, not billed there (a subscription, or another organisation), not explained. our_usd, their_usd and day_count are the totals, the same in each row. Example: from provider_difference()';

-- Which days the store has. Executed when the store is published.

-- How many days of a period the store has completely. What belongs to no project counts only for all of them.
create or replace macro coverage(since := null, until := null, projects := null) as table
with days as (
    select
        c.activity_date,
        bool_or(c.is_complete is false) as is_incomplete,
        bool_and(c.is_complete is true) as is_complete,
        sum(c.missing_session_count) as missing_session_count,
        sum(c.missing_prompt_count) as missing_prompt_count,
        sum(c.missing_line_count) as missing_line_count,
        min(c.deletes_on) filter (where c.deletes_on >= current_date) as deletes_on
    from v_completeness as c
    where is_within(c.activity_date, since, until) and (projects is null or list_contains(projects, c.project_name))
    group by c.activity_date
),
counted as (
    select
        count(*) as day_count,
        count(*) filter (where is_complete) as complete_day_count,
        count(*) filter (where is_incomplete) as incomplete_day_count,
        count(*) filter (where not is_complete and not is_incomplete) as unknown_day_count,
        cast(coalesce(sum(missing_session_count), 0) as bigint) as missing_session_count,
        cast(coalesce(sum(missing_prompt_count), 0) as bigint) as missing_prompt_count,
        cast(coalesce(sum(missing_line_count), 0) as bigint) as missing_line_count,
        min(deletes_on) as deletes_on
    from days
),
-- What was not saved belongs to no project.
unsaved as (
    select cast(coalesce(sum(w.unsaved_session_count), 0) as bigint) as unsaved_session_count
    from v_activity_witness as w
    where projects is null and is_within(w.activity_date, since, until)
)
select
    day_count,
    complete_day_count,
    incomplete_day_count,
    unknown_day_count,
    missing_session_count,
    missing_prompt_count,
    missing_line_count,
    unsaved_session_count,
    deletes_on,
    case
        when day_count = 0 then null
        when unknown_day_count > 0 and (complete_day_count = 0 or 2 * unknown_day_count > day_count)
            then concat(
                'no witness for ', unknown_day_count, ' of ', day_count, if(day_count = 1, ' day', ' days'),
                if(incomplete_day_count > 0, concat(', ', incomplete_day_count, ' incomplete'), '')
            )
        else concat(
            'covers ', complete_day_count, ' of ', day_count, if(day_count = 1, ' day', ' days'),
            if(unknown_day_count > 0 and incomplete_day_count > 0, concat(', ', incomplete_day_count, ' incomplete'), ''),
            if(unknown_day_count > 0, concat(', ', unknown_day_count, ' without a witness'), '')
        )
    end as covers
from counted
cross join unsaved;

comment on macro table coverage is 'coverage(since := null, until := null, projects := null): how many days with activity the store has completely, by v_completeness: complete_day_count, incomplete_day_count (something is known to be missing) and unknown_day_count (no witness) add up to day_count; covers says it in words (covers 26 of 28 days). unsaved_session_count sessions began of which nothing but a folder is known. deletes_on is the next day on which the client deletes files of the period from its folder. Example: from coverage()';

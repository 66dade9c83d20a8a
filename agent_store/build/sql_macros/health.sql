-- Findings about the store itself. Executed when the store is published.

create or replace macro findings() as table
select 'v_failed_check' as view_name, count(*) as finding_count from v_failed_check
union all
select 'v_set_aside_session', count(*) from v_set_aside_session
union all
select 'v_unpriced_model', count(*) from v_unpriced_model
union all
select 'v_unknown_line_type', count(*) from v_unknown_line_type
union all
select 'v_set_aside_line', count(*) from v_set_aside_line
union all
select 'v_set_aside_value', count(*) from v_set_aside_value
union all
select 'v_unfinished_output', count(*) from v_unfinished_output
union all
select 'v_vanished_session', count(*) from v_vanished_session;

comment on macro table findings is 'findings(): the number of rows of each view that lists findings about the store; 0 is good. Example: from findings()';

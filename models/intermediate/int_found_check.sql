-- depends_on: {{ ref('check_rules') }}
{{ config(
    materialized='incremental', incremental_strategy='replace_touched',
    zstd_columns=['piece_text', 'bare_text']
) }}

with touched as {{ touched_sessions() }},

commands as (
    select
        commands.* exclude (command_text, _batch_id),
        commands.command_text as piece_text
    from {{ ref('int_shell_command') }} as commands
    semi join touched on touched.session_id = commands.session_id
    where commands.check_rule_order is not null
),

named as (
    select
        ruled.* exclude (operator_after, next_text, is_told_at_most, check_rule_order),
        -- If a line runs one check several times, the end of the last run counts for all.
        last_value(ruled.is_told_at_most) over all_runs as is_told_at_most,
        last_value(ruled.command_number) over all_runs as last_command_number,
        last_value(ruled.operator_after) over all_runs as operator_after,
        last_value(ruled.next_text) over all_runs as next_text,
        rules.check_name,
        rules.check_kind,
        rules.rule_name,
        rules.confidence,
        rules.check_kind = 'any' or rules.check_name like '%\_script' escape '\'
        or rules.check_name in ('pre_commit', 'js_bundle', 'maven', 'gradle')
            as is_wrapper,
        row_number() over (partition by tool_use_id, rules.check_name order by command_number) as run_rank,
        count(*) over (partition by tool_use_id, rules.check_name) as command_count
    from commands as ruled
    inner join {{ ref('check_rules') }} as rules on rules.rule_order = ruled.check_rule_order
    window all_runs as (
        partition by ruled.tool_use_id, rules.check_name order by ruled.command_number
        rows between unbounded preceding and unbounded following
    )
),

-- Checks that only the output shows, for commands that may run anything.
read_texts as (
    select
        tool_use_id,
        {{ check_output_rules('output_text') }} as hit_rules
    from {{ touched_rows(ref('int_check_output')) }} as outputs
    where tool_use_id in (
            select tool_use_id from named
            where is_wrapper
        )
),

shown as (
    select
        hits.tool_use_id,
        rules.check_name,
        min(rules.check_kind) as check_kind,
        min_by(rules.rule_name, rules.rule_order) as rule_name,
        max(rules.confidence) as confidence
    from {{ explode('read_texts', 'hit_rules', 'rule_order', 'hit_number') }} as hits
    inner join {{ ref('check_rules') }} as rules on rules.rule_order = hits.rule_order
    group by hits.tool_use_id, rules.check_name
),

-- The command behind a check found in the output: a script of its kind, or else one that may run anything, or
-- else the first.
shown_runs as (
    select *
    from (
        select
            named.* exclude (
                check_name, check_kind, rule_name, confidence, is_wrapper, run_rank, command_count
            ),
            shown.check_name,
            shown.check_kind,
            shown.rule_name,
            shown.confidence,
            named.check_kind as wrapper_kind,
            row_number() over (
                partition by shown.tool_use_id, shown.check_name
                order by
                    named.check_kind = shown.check_kind desc, named.check_kind = 'any' desc,
                    named.command_number
            ) as wrapper_rank
        from shown
        inner join named on named.tool_use_id = shown.tool_use_id
        where named.is_wrapper
    ) as ranked
    where wrapper_rank = 1
),

found as (
    select
        coalesce(named.tool_use_id, shown.tool_use_id) as tool_use_id,
        coalesce(named.session_id, shown.session_id) as session_id,
        coalesce(named.check_name, shown.check_name) as check_name,
        coalesce(named.check_kind, shown.check_kind) as check_kind,
        coalesce(named.rule_name, shown.rule_name) as recognised_by,
        coalesce(named.confidence, shown.confidence) as rule_confidence,
        named.tool_use_id is not null as is_named,
        shown.tool_use_id is not null as is_shown,
        coalesce(named.check_name, shown.check_name) like '%\_script' escape '\' as is_script,
        coalesce(named.command_number, shown.command_number) as command_number,
        coalesce(named.piece_text, shown.piece_text) as piece_text,
        coalesce(named.bare_text, shown.bare_text) as bare_text,
        named.tool_use_id is null and shown.wrapper_kind = 'any' as is_in_wrapper,
        named.tool_use_id is null and shown.wrapper_kind = shown.check_kind as is_in_own_script,
        coalesce(named.operator_before, shown.operator_before) as operator_before,
        coalesce(named.operator_after, shown.operator_after) as operator_after,
        coalesce(named.next_text, shown.next_text) as next_text,
        coalesce(named.has_loose_end, shown.has_loose_end) as has_loose_end,
        coalesce(
            named.is_told_at_most
            and named.last_command_number - named.command_number + 1 = named.command_count, false
        ) as is_told_at_most,
        coalesce(named.command_count, 1) as command_count
    from (
        select * from named
        where run_rank = 1 and check_kind <> 'any'
    ) as named
    full join shown_runs as shown
        on shown.tool_use_id = named.tool_use_id and shown.check_name = named.check_name
),

checked as (
    select
        *,
        bool_or(not is_script and is_shown) over (partition by tool_use_id, check_kind)
            as has_known_check_of_kind,
        bool_or(not is_named) over (partition by tool_use_id) as has_shown_check
    from found
)

select
    checked.tool_use_id,
    checked.session_id,
    checked.check_name,
    checked.check_kind,
    checked.recognised_by,
    checked.piece_text,
    checked.bare_text,
    checked.operator_before,
    checked.operator_after,
    checked.next_text,
    checked.is_named,
    checked.is_script,
    checked.is_in_wrapper,
    checked.is_in_own_script,
    checked.is_told_at_most,
    checked.has_loose_end,
    checked.has_shown_check,
    checked.rule_confidence,
    cast(checked.command_number as bigint) as command_number,
    cast(checked.command_count as bigint) as command_count,
    count(*) over (partition by checked.tool_use_id) as check_count,
    touched._batch_id
from checked
inner join touched on touched.session_id = checked.session_id
-- A script is the check that its output shows, if it shows one of its kind.
where not checked.is_script or not checked.has_known_check_of_kind

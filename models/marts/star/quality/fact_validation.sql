with runs as (
    select * from {{ ref('int_check_run') }}
    where check_kind = 'validation' or (check_kind in ('lint', 'format') and component_type is not null)
),

edits as (
    select
        calls.turn_id,
        calls.session_id,
        min(calls.called_at) as first_edited_at
    from {{ ref('int_edit') }} as calls
    group by calls.turn_id, calls.session_id
),

recorded as (
    select
        *,
        {{ surrogate_key(['component_type', 'component_name']) }} as component_id
    from {{ ref('int_recorded_check') }}
    where event_kind = 'validation'
),

-- A recording that names the call of a validation describes that validation; its findings take precedence.
in_transcripts as (
    select
        runs.check_run_id as validation_id,
        components.component_id,
        {{ check_artifact_id('runs', 'sessions') }} as artifact_id,
        runs.session_id,
        actors.agent_id,
        actors.agent_run_id,
        runs.turn_id as prompt_id,
        runs.turn_id as task_id,
        runs.tool_use_id as invocation_id,
        runs.ran_at as validated_at,
        case
            when runs.check_name in ('other_validator', 'validate_script', 'check_list', 'generated_file')
                then runs.command_shape
            else runs.check_name
        end
            as validator_name,
        runs.version_text as validator_version,
        runs.target_text as target,
        case
            when recorded.check_id is not null then {{ list_as_json('recorded.error_list') }}
            else {{ as_json_array('runs.error_lines') }}
        end as errors,
        case
            when recorded.check_id is not null then {{ list_as_json('recorded.warning_list') }}
            else {{ as_json_array('runs.warning_lines') }}
        end as warnings,
        -- What triggered it: a commit hook, a build machine, an edit just before, or none of these.
        case
            when
                runs.check_name = 'pre_commit'
                or regexp_matches(
                    runs.command_text, '\bgit\s+(-\S+\s+(\S+\s+)?)*(commit|push|merge|rebase)\b'
                )
                then 'pre_commit'
            when
                regexp_matches(coalesce(sessions.entrypoint, ''), 'github|action|ci$')
                or {{ is_on_build_server('sessions.working_dir') }} then 'ci'
            when edits.first_edited_at < runs.ran_at then 'post_update'
            else 'manual'
        end as trigger_type,
        case when recorded.outcome <> 'unknown' then 'stated' else runs.outcome_method end as outcome_method,
        runs.recognised_by,
        runs.outcome_rule,
        runs.command_text as command,
        runs.command_shape,
        runs.working_dir,
        case when recorded.check_id is not null then 'recorded' else {{ check_provenance('runs') }} end
            as provenance,
        case coalesce(nullif(recorded.outcome, 'unknown'), runs.outcome)
            when 'passed' then true
            when 'failed' then false
        end as is_valid,
        case
            when recorded.outcome <> 'unknown' then recorded.error_count
            else coalesce(runs.failed_count, case runs.outcome when 'passed' then 0 when 'failed' then 1 end)
        end as error_count,
        coalesce(recorded.warning_count, runs.warning_count, 0) as warning_count,
        case when recorded.outcome <> 'unknown' then 1.0 else runs.confidence end as confidence,
        runs.source_path as _source_path,
        runs.source_line as _source_line,
        runs._batch_id
    from runs
    inner join {{ ref('int_session') }} as sessions on sessions.session_id = runs.session_id
    inner join {{ ref('int_actor') }} as actors
        on actors.session_id = runs.session_id and actors.actor = runs.actor
    left join edits on edits.turn_id = runs.turn_id and edits.session_id = runs.session_id
    left join recorded on recorded.check_run_id = runs.check_run_id
    left join {{ ref('dim_component') }} as components
        on components.component_type = coalesce(runs.component_type, 'reference_file')
        and components.component_name = coalesce(runs.component_name, runs.target_path)
),

-- Scans of component files validate them against the rules of their kind, whether or not an agent did.
in_scans as (
    select
        validation_id,
        component_id,
        cast(null as varchar) as artifact_id,
        session_id,
        cast(null as varchar) as agent_id,
        cast(null as varchar) as agent_run_id,
        cast(null as varchar) as prompt_id,
        cast(null as varchar) as task_id,
        cast(null as varchar) as invocation_id,
        validated_at,
        validator_name,
        validator_version,
        _source_path as target,
        errors,
        warnings,
        trigger_type,
        'validator' as outcome_method,
        'scan' as recognised_by,
        cast(null as varchar) as outcome_rule,
        cast(null as varchar) as command,
        cast(null as varchar) as command_shape,
        cast(null as varchar) as working_dir,
        provenance,
        is_valid,
        error_count,
        warning_count,
        1.0 as confidence,
        _source_path,
        _source_line,
        _batch_id
    from {{ ref('int_component_validation') }} as scans
    -- A scan does not repeat a validation that a program has already reported for the same content.
    anti join recorded
        on recorded.component_id = scans.component_id and recorded.content_hash = scans.content_hash
        and recorded.check_name = scans.validator_name
),

only_recorded as (
    select
        check_id as validation_id,
        case when component_name is not null then component_id end as component_id,
        {{ surrogate_key(['artifact_path']) }} as artifact_id,
        session_id,
        agent_id,
        agent_run_id,
        turn_id as prompt_id,
        task_id,
        invocation_id,
        checked_at as validated_at,
        check_name as validator_name,
        coalesce(file_path, component_name) as target,
        {{ list_as_json('error_list') }} as errors,
        {{ list_as_json('warning_list') }} as warnings,
        case
            when is_before then 'scan'
            when is_after_update then 'post_update'
            else 'manual'
        end as trigger_type,
        case when outcome <> 'unknown' then 'stated' end as outcome_method,
        'recorded' as recognised_by,
        'recorded' as provenance,
        case outcome when 'passed' then true when 'failed' then false end as is_valid,
        error_count,
        warning_count,
        1.0 as confidence,
        source_path as _source_path,
        source_line as _source_line,
        _batch_id
    from recorded
    where check_run_id is null
),

validations as (
    select * from in_transcripts
    union all
    select * from in_scans
    union all by name
    select * from only_recorded
)

select
    validation_id,
    component_id,
    artifact_id,
    session_id,
    agent_id,
    agent_run_id,
    prompt_id,
    task_id,
    invocation_id,
    validated_at,
    validator_name,
    validator_version,
    target,
    errors,
    warnings,
    trigger_type,
    outcome_method,
    recognised_by,
    outcome_rule,
    command,
    command_shape,
    working_dir,
    provenance,
    is_valid,
    error_count,
    warning_count,
    confidence,
    _source_path,
    _source_line,
    _batch_id
from validations

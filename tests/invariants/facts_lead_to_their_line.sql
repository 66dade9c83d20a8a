-- Every row of these models that names a line names a landed one: the way back to the transcript or the
-- spool. In models about single lines, every row names its line. Exceptions are changes of watched schemas,
-- whose lines may be those of a document.
{%- set of_one_line = [
    'dim_decision_point', 'dim_task', 'dim_work_item', 'fact_agent_action', 'fact_agent_handoff',
    'fact_api_call', 'fact_cache_miss',
    'fact_chunk_retrieval', 'fact_component_measurement', 'fact_component_offer', 'fact_conflict',
    'fact_context_overflow',
    'fact_decision', 'fact_file_modification', 'fact_inference', 'fact_instruction_load', 'fact_model_switch',
    'fact_notification', 'fact_permission_request', 'fact_prompt', 'fact_prompt_feedback',
    'fact_response', 'fact_session_intent',
    'fact_skill_invocation', 'fact_strategy_adjustment', 'fact_strategy_attempt', 'fact_task_outcome',
    'fact_tool_invocation',
    'fact_work_assignment'
] %}
{%- set others = [
    'fact_change', 'fact_context_segment', 'fact_dependency_check', 'fact_document_update',
    'fact_quality_measurement',
    'fact_session_event', 'fact_test_case_result', 'fact_test_run', 'fact_update_attempt', 'fact_validation',
    'fact_watermark_check'
] %}
with sources as (
    {%- for fact in of_one_line + others %}
        select distinct
            '{{ fact }}' as fact,
            {{ fact in of_one_line }} as is_of_one_line,
            _source_path,
            _source_line
        from {{ ref(fact) }}
        where {{ only_touched('false' if fact == 'dim_decision_point' else 'session_id in {sessions}') }}
        {{ 'union all' if not loop.last }}
    {%- endfor %}
),

landed as (
    select files.path, lines.line_number
    from {{ ref('stg_transcripts__line') }} as lines
    inner join {{ ref('stg_transcripts__file') }} as files on files.file_id = lines.file_id
    where {{ only_touched('lines.session_id in {sessions}') }}
    union all
    select source_path, line_number
    from {{ ref('stg_events__event') }}
    where {{ only_touched('session_id in {sessions}') }}
)

select sources.fact, sources._source_path, sources._source_line
from sources
anti join landed on landed.path = sources._source_path and landed.line_number = sources._source_line
where sources.is_of_one_line or sources._source_line is not null

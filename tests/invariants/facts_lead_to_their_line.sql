-- Every row of these facts names a line that has been landed: the way back to the transcript.
with sources as (
    {%- for fact in [
        'fact_tool_invocation', 'fact_skill_invocation', 'fact_file_modification', 'fact_session_intent', 'fact_component_offer',
        'dim_work_item', 'fact_work_assignment', 'fact_agent_handoff', 'fact_conflict'
    ] %}
    select distinct '{{ fact }}' as fact, _source_path, _source_line from {{ ref(fact) }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

landed as (
    select files.path, lines.line_number
    from {{ ref('stg_transcripts__line') }} as lines
    inner join {{ ref('stg_transcripts__file') }} as files on files.file_id = lines.file_id
)

select sources.fact, sources._source_path, sources._source_line
from sources
anti join landed on landed.path = sources._source_path and landed.line_number = sources._source_line

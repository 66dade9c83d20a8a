-- Every line that carries the usage of an API response belongs to a counted response: nothing is lost between
-- raw and responses. Exceptions are the client's own answers (`<synthetic>`) and its error messages, which no
-- model wrote, and the total usage of a run whose responses are known.
with answers as (
    select
        line_id,
        session_id,
        source_path,
        line_number
    from {{ ref('stg_transcripts__line') }}
    where
        {{ only_touched('session_id in {sessions}') }}
        and line_type = 'assistant'
        and coalesce(
            usage.input_tokens, usage.output_tokens, usage.cache_read_input_tokens,
            usage.cache_creation_input_tokens
        ) is not null
        and coalesce(model_raw, '') <> '<synthetic>'
        and not is_api_error
        and not (
            coalesce(subtype, '') = 'result'
            and line_id in (
                select line_id from {{ ref('int_line_copy') }}
                where is_copy
            )
        )
),

counted as (
    select lines.line_id
    from {{ ref('int_response_line') }} as lines
    inner join {{ ref('int_api_response') }} as responses on responses.response_id = lines.response_id
    where {{ only_touched('lines.session_id in {sessions}') }}
)

select
    answers.session_id,
    answers.source_path as _source_path,
    answers.line_number as _source_line
from answers
anti join counted on counted.line_id = answers.line_id

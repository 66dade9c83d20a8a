with prompts as (
    select
        md5(prompt_text) as intent_hash,
        min(prompted_at) as created_at,
        max(prompted_at) as last_stated_at,
        -- The same text may have been typed as a prompt and handed over as a plan.
        max(text_source) as text_source,
        count(*) as statement_count
    from {{ ref('int_turn') }}
    where is_human and prompt_text is not null
    group by 1
)

select
    {{ surrogate_key(['prompts.intent_hash']) }} as intent_id,
    prompts.created_at,
    prompts.last_stated_at,
    left(texts.classified_text, {{ var('text_characters_kept') }}) as intent_text,
    prompts.intent_hash,
    prompts.text_source,
    texts.category as categorized_as,
    'rule' as classification_method,
    texts.rule_name,
    'estimated' as provenance,
    texts.confidence,
    prompts.statement_count
from prompts
inner join {{ ref('int_classified_text') }} as texts on texts.text_hash = prompts.intent_hash

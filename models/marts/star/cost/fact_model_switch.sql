with hooks as (
    select
        *,
        {{ normalized_model('payload.from_model') }} as from_model,
        {{ normalized_model('payload.to_model') }} as to_model
    from {{ ref('int_hook') }}
    where hook_event in ('PreModelSwitch', 'PostModelSwitch')
),

-- A request to switch and the switch itself are two events of one switch: the latter is the next event with
-- the same two models. A switch by the client itself, or by a resumed session, has only the latter.
ordered as (
    select
        *,
        lead(hook_event) over same_switch as next_event,
        lead(received_at) over same_switch as next_at,
        lag(hook_event) over same_switch as previous_event
    from hooks
    window same_switch as (
        partition by session_id, actor, from_model, to_model order by received_at, hook_event desc, event_id
    )
),

models as (
    select model_id, model_name from {{ ref('dim_model') }}
)

select
    ordered.event_id as switch_id,
    ordered.session_id,
    actors.agent_id,
    from_models.model_id as from_model_id,
    to_models.model_id as to_model_id,
    ordered.turn_id as prompt_id,
    ordered.received_at as requested_at,
    case
        when ordered.hook_event = 'PostModelSwitch' then ordered.received_at
        when ordered.next_event = 'PostModelSwitch' then ordered.next_at
    end as switched_at,
    ordered.from_model,
    ordered.to_model,
    ordered.payload.requested_model as requested_model,
    ordered.payload.source as switch_source,
    ordered.payload.cache_ttl as cache_ttl,
    ordered.payload.pricing as pricing_source,
    'recorded' as provenance,
    case when switched_at is not null then true end as is_done,
    ordered.payload.prompt_cache_warm as was_cache_warm,
    cast(ordered.payload.context_tokens as bigint) as context_tokens,
    ordered.payload.estimated_cache_write_usd as estimated_cache_write_usd,
    ordered.source_path as _source_path,
    ordered.source_line as _source_line,
    ordered._batch_id
from ordered
inner join {{ ref('int_actor') }} as actors
    on actors.session_id = ordered.session_id and actors.actor = ordered.actor
left join models as from_models on from_models.model_name = ordered.from_model
left join models as to_models on to_models.model_name = ordered.to_model
where ordered.hook_event = 'PreModelSwitch' or coalesce(ordered.previous_event, '') <> 'PreModelSwitch'

-- Predicts what planned actions would add to a context. Executed when the store is published.

-- The parts of an action: words that may be paths, and commands. A command is in backticks, or follows `run`,
-- `$`, `Bash:` …, or the text is the command itself (is_marked is true if the text marks it as a command).
create or replace macro planned_parts(planned_actions) as table
with planned as (
    select
        unnest(cast(planned_actions as varchar[])) as planned_action,
        generate_subscripts(cast(planned_actions as varchar[]), 1) as action_number
),
spoken as (
    select
        *,
        regexp_extract(planned_action, '`([^`]+)`', 1) as quoted_command,
        regexp_extract(
            planned_action, '(?is)^\s*(?:(?:run|execute|bash|shell|powershell)\b[\s:]*(?:\$\s+)?|\$\s+)(.*)$', 1
        ) as said_command
    from planned
)
select
    planned_action,
    action_number,
    coalesce(nullif(quoted_command, ''), nullif(said_command, '')) is not null as is_marked,
    list_distinct(list_concat(
        list_transform(
            regexp_extract_all(planned_action, '[^\s"''`,;()<>\[\]]+'),
            lambda word: regexp_replace(word, '(:\d+([:-]\d+)*|[.:!?])+$', '')
        ),
        regexp_extract_all(planned_action, '["`'']([^"`''\n]+)["`'']', 1)
    )) as words,
    trim(regexp_replace(
        coalesce(nullif(quoted_command, ''), nullif(said_command, ''), planned_action), '\s+', ' ', 'g'
    )) as command_text,
    regexp_matches(
        planned_action, '(?i)^\W*(?:multi-?edit|edit|write|change|modify|update|create|fix|refactor|rewrite|add|replace|patch)\b'
    ) as is_change,
    regexp_extract(planned_action, '(?i)^\W*(?:(?:use|call|run)\s+(?:the\s+)?)?([\w-]+)', 1) as first_word
from spoken;

comment on macro table planned_parts is 'planned_parts(planned_actions): planned actions (a list of texts) with what each may refer to: words, a command (is_marked: the text marks it as one), a tool, and whether it changes a file. Example: from planned_parts([''read src/app.py'', ''run make test''])';

create or replace macro predict_context(
    planned_actions, session := null, context_now := null, window_now := null, model_now := null, project_now := null
) as table
with planned as materialized (
    select p.*, coalesce(s.project_path, project_now) as project_path
    from planned_parts(planned_actions) as p
    left join dim_session as s on s.session_id = session
),
-- Rows of the project are used if there are enough observations; files have one row for all projects.
usable as materialized (
    select a.*, regexp_extract(replace(a.subject, '\', '/'), '[^/]*$') as file_name
    from v_context_by_action as a
    where a.project_path = 'all' or a.entry_count >= 3
),
-- A path with a space is split into words: it matches if the action contains it literally, absolute or relative to the project.
spaced as (
    select
        p.action_number, p.project_path, p.is_change, replace(p.planned_action, '\', '/') as action_text,
        replace(a.subject, '\', '/') as word,
        case when starts_with(word, p.project_path || '/') then substr(word, length(p.project_path) + 2) else word end as path
    from planned as p
    inner join usable as a on a.action_kind in ('read_file', 'change_file') and contains(a.subject, ' ')
    where contains(action_text, path)
),
words as (
    select action_number, project_path, is_change, replace(unnest(words), '\', '/') as word from planned
    union all
    select action_number, project_path, is_change, word
    from spaced
    where
        contains(path, ' ')
        and not regexp_matches(substr(action_text, strpos(action_text, path) + length(path), 1), '[\w/-]')
),
-- Prefer the planned kind of action to the other one, and of files with the same name the one seen more often.
files as (
    select w.action_number, 'file' as kind, true as is_marked, a.* exclude (project_path, file_name)
    from words as w
    inner join usable as a
        on a.file_name = regexp_extract(w.word, '[^/]*$') and a.action_kind in ('read_file', 'change_file')
    where
        (contains(w.word, '.') or contains(w.word, '/'))
        and (
            replace(a.subject, '\', '/') = w.word
            or (
                ends_with(replace(a.subject, '\', '/'), concat('/', regexp_replace(w.word, '^(\./)+', '')))
                -- Other projects have a README.md too.
                and starts_with(a.subject, coalesce(w.project_path, ''))
            )
        )
    qualify row_number() over (
        partition by w.action_number, w.word
        order by
            length(a.subject) = length(w.word) desc, (a.action_kind = 'change_file') = w.is_change desc,
            a.entry_count desc, length(a.subject), a.subject
    ) = 1
),
pieces as (
    select
        action_number, project_path, is_marked, command_text,
        unnest(list_distinct(list_concat(
            [command_text], list_transform(regexp_split_to_array(command_text, '&&|\|\||;'), lambda piece: trim(piece))
        ))) as piece
    from planned
),
-- A word such as `find` or `make` also starts sentences: an unmarked command must look like one.
lines as (
    select p.action_number, p.piece, p.command_text, 'command' as kind, p.is_marked, a.* exclude (project_path, file_name)
    from pieces as p
    inner join usable as a
        on starts_with(p.piece, a.subject) and (a.project_path = 'all' or a.project_path = p.project_path)
    where
        (a.action_kind = 'command' and p.piece = a.subject)
        or (
            a.action_kind = 'program'
            and (
                p.piece = a.subject
                or (
                    starts_with(p.piece, concat(a.subject, ' '))
                    and (
                        p.is_marked or contains(a.subject, ' ')
                        or regexp_matches(substr(p.piece, length(a.subject) + 1), '^ (-|\S*[./])')
                    )
                )
            )
        )
    qualify row_number() over (
        partition by p.action_number, p.piece
        order by a.action_kind, length(a.subject) desc, a.project_path = 'all'
    ) = 1
),
-- A chain that was run before as a whole is one action; otherwise each of its commands is one.
commands as (
    select * exclude (piece, command_text)
    from lines
    qualify case
        when bool_or(action_kind = 'command' and piece = command_text) over (partition by action_number)
            then piece = command_text
        else piece <> command_text or not regexp_matches(piece, '&&|\|\||;')
    end
),
tools as (
    select p.action_number, 'tool' as kind, true as is_marked, a.* exclude (project_path, file_name)
    from planned as p
    inner join usable as a
        on a.action_kind = 'tool' and (a.project_path = 'all' or a.project_path = p.project_path)
    where
        lower(a.subject) = lower(p.first_word)
        or (starts_with(a.subject, 'mcp__') and list_contains(p.words, a.subject))
    qualify row_number() over (
        partition by p.action_number order by a.project_path = 'all', a.entry_count desc, a.subject
    ) = 1
),
-- A tool is used only if nothing more specific is known, and text that names a file is a command only if it is marked as one.
known as (
    select distinct *
    from (from files union all from commands union all from tools)
    qualify
        kind = 'file'
        or (kind = 'command' and (is_marked or not bool_or(kind = 'file') over (partition by action_number)))
        or bool_and(kind = 'tool') over (partition by action_number)
),
estimates as materialized (
    select p.action_number, p.planned_action, coalesce(k.kind, 'unknown') as kind, k.* exclude (action_number, kind)
    from planned as p
    left join known as k on k.action_number = p.action_number
),
-- The last successful request of the main thread; its window is the larger one if the request did not fit into the usual one.
last_call as (
    select
        c.context_tokens,
        max_by(w.max_tokens, w.effective_date) as max_tokens,
        max_by(w.beta_max_tokens, w.effective_date) as beta_max_tokens
    from fact_api_call as c
    left join dim_context_window as w on w.model_id = c.model_id and w.effective_date <= coalesce(c.called_at, w.effective_date)
    where c.session_id = session and c.success and c.agent_run_id is null and c.context_tokens > 0
    group by c.called_at, c.call_id, c.context_tokens
    order by c.called_at desc nulls last, c.call_id desc
    limit 1
),
-- The model of a session that no build has seen yet: logs add a date to its name.
named_model as (
    select max_tokens, beta_max_tokens
    from dim_context_window
    where starts_with(model_now, model_name)
    order by length(model_name) desc, effective_date desc
    limit 1
),
windows as (
    select
        coalesce(context_now, c.context_tokens) as context_tokens,
        coalesce(
            window_now,
            case when coalesce(context_now, c.context_tokens) > m.max_tokens then m.beta_max_tokens else m.max_tokens end,
            case when c.context_tokens > c.max_tokens then c.beta_max_tokens else c.max_tokens end
        ) as window_tokens
    from (select true as is_asked)
    left join last_call as c on is_asked
    left join named_model as m on is_asked
),
-- The client compacts a context before its window is full: the size at which it did so with a window of this size. A context
-- that ended in the first half of the window was in a smaller one.
limits as (
    select
        w.*,
        case when count(o.overflow_id) >= 3 then cast(round(median(o.tokens_at_overflow)) as bigint) end as compacted_at_tokens
    from windows as w
    left join fact_context_overflow as o
        on o.window_tokens = w.window_tokens and o.tokens_at_overflow >= w.window_tokens / 2
        and o.compact_triggered and o.overflow_trigger = 'auto'
    group by all
),
totals as (
    select
        l.*,
        coalesce(l.compacted_at_tokens, l.window_tokens) as limit_tokens,
        sum(e.tokens_low) as tokens_low,
        sum(e.tokens) as tokens,
        sum(e.tokens_high) as tokens_high,
        max(e.last_entered_at) as last_entered_at,
        count(distinct e.action_number) as action_count,
        count(distinct e.action_number) filter (where e.kind <> 'unknown') as known_count
    from estimates as e
    cross join limits as l
    group by all
)
select
    cast(0 as bigint) as action_number,
    'total' as planned_action,
    'total' as kind,
    concat(known_count, ' of ', action_count, ' planned actions are known') as subject,
    cast(null as bigint) as seen_count,
    cast(tokens_low as bigint) as tokens_low,
    cast(tokens as bigint) as tokens,
    cast(tokens_high as bigint) as tokens_high,
    last_entered_at as last_seen_at,
    cast(context_tokens as bigint) as context_tokens,
    cast(window_tokens as bigint) as context_window,
    compacted_at_tokens,
    cast(limit_tokens - context_tokens as bigint) as room_tokens,
    case
        when known_count = 0 or context_tokens is null or limit_tokens is null then null
        when context_tokens + tokens_high <= limit_tokens then 'fits'
        when context_tokens + tokens <= limit_tokens then 'probably fits'
        when context_tokens + tokens_low <= limit_tokens then 'probably does not fit'
        else 'does not fit'
    end as verdict
from totals
where action_count > 0
union all
select
    cast(action_number as bigint), planned_action, kind, subject, cast(entry_count as bigint), tokens_low, tokens, tokens_high,
    last_entered_at, null, null, null, null, null
from estimates
order by 1, 7 desc nulls last, 4;

comment on macro table predict_context is 'predict_context(planned_actions, session := null, context_now := null, window_now := null, model_now := null, project_now := null): what planned actions (a list of texts such as ''read src/app.py'' or ''run make test'') would add to the context, based on earlier sizes of the files, commands and tools that they name: a row for each, kind ''unknown'' if nothing is known, and the row ''total'' (action_number 0) with the context, the window, the size at which the client usually compacts it, and the verdict. The range of the total adds up those of the actions, as if all were small or large together, so it is rather wide. Without context_now and window_now (or model_now, which determines a window) those of the session are used; project_now is the folder of relative paths if the session is unknown. Example: from predict_context([''read src/app.py'', ''run make test''], context_now := 120000, window_now := 200000)';

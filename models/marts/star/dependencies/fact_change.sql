-- depends_on: {{ ref('page_change_rules') }}
{%- set page_conditions = {
    'added': 'regexp_matches(added, {pattern})', 'removed': 'regexp_matches(removed, {pattern})',
    'shape': 'regexp_matches(shape, {pattern})'
} %}
-- The meaning of a page's change is estimated by the seed page_change_rules: from the added and removed lines
-- if both contents are known, else from its size.
with changes as (
    select
        checks.*,
        case
            when checks.hash_basis = 'size'
                then {{ number_in('checks.content_hash', 'bytes:([0-9]+)') }}
        end as new_bytes,
        case
            when checks.hash_basis = 'size'
                then {{ number_in('checks.previous_hash', 'bytes:([0-9]+)') }}
        end as old_bytes,
        lag(checks.version_detected) over (
            partition by checks.page_id order by checks.checked_at, checks.check_id
        ) as previous_version
    from {{ ref('fact_watermark_check') }} as checks
),

changed as (
    select * from changes where changed
),

contents as (
    select
        content_hash,
        min(content) as content
    from {{ ref('stg_sources__check') }}
    where content is not null
    group by content_hash
),

texts as (
    select
        changed.check_id,
        old_contents.content as old_content,
        new_contents.content as new_content
    from changed
    inner join contents as old_contents on old_contents.content_hash = changed.previous_hash
    inner join contents as new_contents on new_contents.content_hash = changed.content_hash
),

old_lines as (
    select check_id, line_text, min(line_number) as line_number
    from {{ explode(
        "(select *, string_split(old_content, chr(10)) as lines from texts)", 'lines', 'line_text', 'line_number'
    ) }} as exploded
    where trim(line_text) <> ''
    group by check_id, line_text
),

new_lines as (
    select check_id, line_text, min(line_number) as line_number
    from {{ explode(
        "(select *, string_split(new_content, chr(10)) as lines from texts)", 'lines', 'line_text', 'line_number'
    ) }} as exploded
    where trim(line_text) <> ''
    group by check_id, line_text
),

line_changes as (
    select
        coalesce(new_lines.check_id, old_lines.check_id) as check_id,
        {{ joined_texts(
            "case when old_lines.line_text is null then new_lines.line_text end", 'new_lines.line_number'
        ) }} as added_text,
        {{ joined_texts(
            "case when new_lines.line_text is null then old_lines.line_text end", 'old_lines.line_number'
        ) }} as removed_text,
        count(*) filter (where old_lines.line_text is null) as added_count,
        count(*) filter (where new_lines.line_text is null) as removed_count,
        count(old_lines.line_text) as old_count
    from old_lines
    full outer join new_lines on new_lines.check_id = old_lines.check_id
    and new_lines.line_text = old_lines.line_text
    group by coalesce(new_lines.check_id, old_lines.check_id)
),

shaped as (
    select
        changed.*,
        coalesce(line_changes.added_text, '') as added,
        coalesce(line_changes.removed_text, '') as removed,
        line_changes.added_count,
        line_changes.removed_count,
        case
            when changed.check_type = 'env' then 'value_changed'
            when changed.hash_basis = 'commit' and changed.version_detected <> changed.previous_version
                then case
                    when
                        {{ regex_group('changed.version_detected', '([0-9]+)') }}
                        <> {{ regex_group('changed.previous_version', '([0-9]+)') }}
                        then 'major_version'
                    else 'new_version'
                end
            when changed.hash_basis = 'commit' then 'commits'
            when line_changes.check_id is not null
                then case
                    when
                        line_changes.removed_count >= 0.2 * line_changes.old_count
                        and line_changes.added_count < line_changes.removed_count
                        then 'much_removed'
                    when
                        line_changes.added_count >= 3
                        and line_changes.added_count > 2 * line_changes.removed_count
                        then 'lines_added'
                    else 'about_same'
                end
            when changed.new_bytes <= 0.8 * changed.old_bytes then 'shrunk'
            when changed.new_bytes >= 1.02 * changed.old_bytes then 'grown'
            else 'about_same'
        end as shape
    from changed
    left join line_changes on line_changes.check_id = changed.check_id
),

judged as (
    select
        *,
        {{ rule_cases('page_change_rules', page_conditions, 'rule_name') }} as rule_name
    from shaped
)

select
    {{ surrogate_key(['judged.check_id', "'change'"]) }} as change_id,
    judged.source_id,
    judged.page_id,
    judged.check_id,
    judged.session_id,
    judged.agent_id,
    judged.checked_at as detected_at,
    judged.previous_checked_at,
    rules.classification,
    judged.previous_hash as old_hash,
    judged.content_hash as new_hash,
    judged.hash_basis,
    case
        when judged.hash_basis = 'size'
            then concat('page of ', judged.old_bytes, ' bytes became one of ', judged.new_bytes)
        when judged.check_type = 'env' then 'the value changed'
        when judged.hash_basis = 'commit'
            then concat(
                'from commit ', left(judged.previous_hash, 12), ' to ', left(judged.content_hash, 12),
                case
                    when judged.version_detected is not null
                        then concat(', version ', judged.version_detected)
                    else ''
                end
            )
        when judged.added_count is not null
            then concat(
                judged.added_count, ' lines added, ', judged.removed_count, ' removed',
                case
                    when judged.added <> ''
                        then concat('; new: ', left({{ regex_replace('judged.added', '\\s+', ' ') }}, 160))
                    else ''
                end
            )
        else 'the content changed'
    end as summary,
    rules.rule_name,
    rules.reason,
    'estimated' as provenance,
    rules.confidence,
    judged.added_count as lines_added,
    judged.removed_count as lines_deleted,
    judged._source_path,
    judged._source_line,
    judged._batch_id
from judged
inner join {{ ref('page_change_rules') }} as rules on rules.rule_name = judged.rule_name

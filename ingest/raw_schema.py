"""Every table of the schema `raw`, each declared once: landed rows, and the memory of the scans.

dbt reads them all, so they are created together, whatever is landed first. A column that an earlier version did not
have may be NULL and comes after the older ones, because it is added to existing tables. Hashes cannot be compressed,
and trying costs as much as half of landing.
"""

from __future__ import annotations

import re
from typing import Final

_LINE: Final = """
    file_id bigint not null, line_number bigint not null, part_number integer not null,
    byte_offset bigint not null, line varchar using compression zstd, repaired_line varchar,
    original_bytes blob, set_aside_reason varchar, _batch_id bigint not null, row_salt bigint,
    row_hash blob using compression uncompressed
"""
_TABLES: Final = {
    "batch": """
        batch_id bigint not null, started_at timestamp not null, finished_at timestamp not null,
        host varchar not null, files_seen bigint not null, files_grown bigint not null,
        lines_landed bigint not null, lines_set_aside bigint not null, bytes_landed bigint not null,
        sealed_rows bigint, sealed_at timestamp, rows_hash varchar, chain_hash varchar
    """,
    "source_file": """
        file_id bigint not null, kind varchar not null, host varchar not null, root varchar not null,
        path varchar not null, logical_path varchar not null, generation integer not null,
        previous_file_id bigint, size_bytes bigint not null, modified_at timestamp not null,
        read_bytes bigint not null, line_count bigint not null, head_bytes bigint not null,
        head_hash varchar not null, tail_hash varchar not null, is_open_ended boolean not null,
        first_batch_id bigint not null, _batch_id bigint not null, row_salt bigint,
        row_hash blob using compression uncompressed
    """,
    "file_location": """
        root varchar not null, path varchar not null, file_id bigint, size_bytes bigint not null,
        mtime_ns bigint not null, inode bigint not null, vanished_at timestamp
    """,
    "transcript_line": _LINE,
    "history_line": _LINE,
    "event_line": _LINE,
    "api_response": _LINE,
    "document": """
        file_id bigint not null, content varchar using compression zstd, content_bytes bigint not null,
        is_truncated boolean not null, content_hash varchar not null, _batch_id bigint not null,
        row_salt bigint, row_hash blob using compression uncompressed
    """,
    "erased_row": """
        table_name varchar not null, file_id bigint not null, line_number bigint not null,
        part_number integer not null, batch_id bigint not null, row_hash blob not null, reason varchar not null,
        erased_in_batch_id bigint not null
    """,
    "rewritten_row": """
        table_name varchar not null, file_id bigint not null, line_number bigint not null,
        part_number integer not null, batch_id bigint not null, row_hash blob not null,
        new_row_hash blob not null, reason varchar not null, rewritten_in_batch_id bigint not null
    """,
    "scan_memory": """
        name varchar not null, value varchar not null
    """,
    "scan_folder": """
        folder varchar not null, origin varchar not null, first_seen_at timestamp not null
    """,
    "component_file": """
        root varchar not null, path varchar not null, size_bytes bigint not null, mtime_ns bigint not null,
        inode bigint not null, content_hash varchar, vanished_at timestamp
    """,
    "component_version": """
        host varchar not null, scope varchar not null, root varchar not null, path varchar not null,
        component_type varchar not null, component_name varchar not null, plugin_name varchar,
        owner_name varchar, file_role varchar not null, content_hash varchar not null, body_hash varchar,
        content varchar using compression zstd, size_bytes bigint not null, line_count bigint,
        word_count bigint, char_count bigint, front_matter varchar, links varchar, entries varchar,
        validator_name varchar, validator_version varchar, errors varchar, warnings varchar,
        is_binary boolean not null, set_aside_reason varchar, modified_at timestamp not null,
        scanned_at timestamp not null, _batch_id bigint not null
    """,
    "component_commit": """
        root varchar not null, path varchar not null, commit_hash varchar not null,
        committed_at timestamp not null, subject varchar, lines_added bigint, lines_deleted bigint,
        _batch_id bigint not null
    """,
    "component_body": """
        root varchar not null, path varchar not null, commit_hash varchar not null,
        committed_at timestamp not null, body_hash varchar not null, body_text varchar using compression zstd,
        _batch_id bigint not null
    """,
    "source_entry": """
        source_name varchar not null, source_type varchar not null, dependency_type varchar not null,
        url varchar, owner varchar, pages varchar, skills varchar, components varchar, listed_in varchar not null,
        is_listed boolean not null, content_hash varchar not null, set_aside_reason varchar,
        listed_at timestamp not null, _batch_id bigint not null
    """,
    "source_check": """
        check_id varchar not null, source_name varchar not null, source_type varchar not null,
        target varchar not null, check_type varchar not null, checked_at timestamp not null,
        is_available boolean not null, status_code integer, etag varchar, last_modified varchar,
        content_hash varchar, content varchar using compression zstd, content_bytes bigint,
        is_truncated boolean not null, is_not_modified boolean not null, redirected_to varchar,
        version_detected varchar, response_time_ms bigint, attempt_count integer not null, result varchar not null,
        error varchar, _batch_id bigint not null
    """,
    "contract_version": """
        contract_name varchar not null, contract_kind varchar not null, dependency_type varchar not null,
        direction varchar not null, origin varchar not null, source_path varchar, source_line bigint,
        session_id varchar, git_commit varchar, version_label varchar, version_order bigint not null,
        content_hash varchar not null, content_bytes bigint, field_count bigint not null,
        released_at timestamp, set_aside_reason varchar, landed_at timestamp not null, _batch_id bigint not null
    """,
    "contract_field": """
        content_hash varchar not null, element_path varchar not null, parent_path varchar,
        element_kind varchar not null, direction varchar not null, endpoint varchar, method varchar,
        element_name varchar, data_type varchar, data_format varchar, is_required boolean not null,
        is_nullable boolean not null, is_deprecated boolean not null, is_read_only boolean not null,
        is_write_only boolean not null, default_value varchar, value_text varchar, value_number double,
        description_hash varchar, _batch_id bigint not null
    """,
    "code_file": """
        repository varchar not null, path varchar not null, blob_id varchar not null, language varchar,
        size_bytes bigint not null, mtime_ns bigint not null
    """,
    "code_document": """
        host varchar not null, repository varchar not null, path varchar not null, blob_id varchar not null,
        language varchar, document_type varchar not null, size_bytes bigint not null, line_count bigint,
        is_tracked boolean not null, is_deleted boolean not null, parse_problem varchar, set_aside_reason varchar,
        modified_at timestamp not null, scanned_at timestamp not null, _batch_id bigint not null
    """,
    "code_chunk": """
        blob_id varchar not null, language varchar, chunk_index integer not null, line_start bigint not null,
        line_end bigint not null, char_start bigint not null, char_end bigint not null, chunk_kind varchar not null,
        chunk_name varchar, chunk_text varchar using compression zstd, _batch_id bigint not null
    """,
    "code_symbol": """
        blob_id varchar not null, language varchar, chunk_index integer not null, symbol_name varchar not null,
        container_name varchar, symbol_type varchar, reference_type varchar not null, line_number bigint not null,
        line_end bigint not null, _batch_id bigint not null
    """,
    "code_read": """
        tool_use_id varchar not null, path varchar, line_start bigint not null, blob_id varchar not null,
        language varchar, parse_problem varchar, _batch_id bigint not null
    """,
    "code_change": """
        host varchar not null, repository varchar not null, commit_id varchar not null,
        committed_at timestamp not null, path varchar not null, change_type varchar not null, blob_id varchar,
        _batch_id bigint not null
    """,
    "code_vector": """
        chunk_hash varchar not null, model varchar not null, embedding float[], _batch_id bigint not null
    """,
    "alert": """
        listed_in varchar not null, content_hash varchar not null, entry_number bigint not null, alert_name varchar,
        alert_kind varchar, period varchar, scope varchar, scope_value varchar, threshold_usd double,
        growth_ratio double, minimum_usd double, set_aside_reason varchar, listed_at timestamp not null,
        _batch_id bigint not null
    """,
    "privacy": """
        fingerprint varchar not null, user_salt varchar, applied_at timestamp not null
    """,
    "expired_row": """
        relation varchar not null, session_id varchar not null, row_json varchar using compression zstd,
        expired_at timestamp not null
    """,
    "expiry": """
        expired_at timestamp not null, expired_before timestamp not null, kept_days bigint not null,
        table_name varchar not null, row_count bigint not null, session_count bigint, archive varchar
    """,
    "set_aside_session": """
        session_id varchar not null, test_name varchar not null, reason varchar not null, line_count bigint not null,
        source_path varchar, set_aside_at timestamp not null
    """,
}
TABLES: Final = {
    # A comma within brackets does not separate columns.
    name: tuple(column.strip() for column in re.split(r",(?![^(]*\))", columns))
    for name, columns in _TABLES.items()
}
SCHEMA: Final = "create schema if not exists raw;" + "".join(
    f"create table if not exists raw.{name} ({columns});" for name, columns in _TABLES.items()
)
ADD_COLUMNS: Final = "".join(
    f"alter table raw.{name} add column if not exists {column};"
    for name, columns in TABLES.items()
    for column in columns
    if "not null" not in column
)

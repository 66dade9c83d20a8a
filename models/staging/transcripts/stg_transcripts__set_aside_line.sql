{{ set_aside_lines([source('raw', 'transcript_line'), source('raw', 'history_line')]) }}
